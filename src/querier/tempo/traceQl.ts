// Reads the part of TraceQL that asks for single spans: `{ condition && condition ... }` with comparisons of a field and a value, and
// what only says how to show it (`| select(...)`). Everything else is refused with what was not understood.

export interface TraceQlCondition {
  /** As written, with its scope: `resource.service.name`, `.http.route`, `duration`. */
  readonly field: string
  readonly operator: "=" | "!=" | ">" | ">=" | "<" | "<="
  /** Durations and numbers as written: `100ms`, `5`. */
  readonly value: string
}

export type ParsedTraceQl =
  | { readonly ok: true; readonly conditions: ReadonlyArray<TraceQlCondition> }
  | { readonly ok: false; readonly message: string }

const token =
  /\s*(?:(?<text>"(?:[^"\\]|\\.)*"|`[^`]*`)|(?<operator>&&|\|\||!=|=~|!~|>=|<=|>>|<<|[{}()=<>|,~+*/-])|(?<word>(?:[A-Za-z_.:][\w.:-]*|\d[\w.]*)(?:"(?:[^"\\]|\\.)*")?))/y

const comparisons: ReadonlySet<string> = new Set(["=", "!=", ">", ">=", "<", "<="])
const maxLength = 4_096

interface Token {
  readonly kind: "text" | "operator" | "word"
  readonly value: string
}

const tokensOf = (query: string): ReadonlyArray<Token> | string => {
  const tokens: Array<Token> = []
  token.lastIndex = 0
  while (query.slice(token.lastIndex).trim() !== "") {
    const at = token.lastIndex
    const groups = token.exec(query)?.groups
    if (groups === undefined) return `cannot read ${JSON.stringify(query.slice(at, at + 20))}`
    if (groups.text !== undefined)
      tokens.push({
        kind: "text",
        value: groups.text.startsWith("`")
          ? groups.text.slice(1, -1)
          : groups.text.slice(1, -1).replace(/\\(.)/g, "$1"),
      })
    else if (groups.operator !== undefined) tokens.push({ kind: "operator", value: groups.operator })
    else tokens.push({ kind: "word", value: groups.word!.replaceAll('"', "") })
  }
  return tokens
}

const refused = (message: string): ParsedTraceQl => ({
  ok: false,
  message: `TraceQL: ${message}`,
})

export const parseTraceQl = (query: string): ParsedTraceQl => {
  if (query.length > maxLength) return refused(`longer than ${maxLength} characters`)
  const tokens = tokensOf(query)
  if (typeof tokens === "string") return refused(tokens)
  if (tokens.length === 0) return { ok: true, conditions: [] }
  let at = 0
  const isNext = (value: string): boolean => tokens[at]?.kind === "operator" && tokens[at]?.value === value
  const shown = (): string => (tokens[at] === undefined ? "the end" : JSON.stringify(tokens[at]!.value))
  if (!isNext("{")) return refused(`expected {, found ${shown()}`)
  at++
  const conditions: Array<TraceQlCondition> = []
  while (!isNext("}")) {
    const field = tokens[at]
    if (field?.kind !== "word") return refused(`expected the name of a field, found ${shown()}`)
    at++
    if (field.value === "true" && conditions.length === 0 && isNext("}")) break
    const operator = tokens[at]
    if (operator?.kind !== "operator" || !comparisons.has(operator.value))
      return refused(`${field.value}: expected one of ${[...comparisons].join(" ")}, found ${shown()}`)
    at++
    const value = tokens[at]
    if (value === undefined || value.kind === "operator")
      return refused(`${field.value} ${operator.value}: expected a value, found ${shown()}`)
    at++
    conditions.push({
      field: field.value,
      operator: operator.value as TraceQlCondition["operator"],
      value: value.value,
    })
    if (isNext("&&")) at++
    else if (!isNext("}")) return refused(`expected && or }, found ${shown()}`)
  }
  at++
  // How results are shown: every span is answered whole.
  while (isNext("|")) {
    const stage = tokens[at + 1]
    if (stage?.value !== "select") return refused(`| ${stage?.value ?? ""} is not understood`)
    at += 2
    while (at < tokens.length && !isNext(")")) at++
    at++
  }
  return at < tokens.length ? refused(`${shown()} after the spans`) : { ok: true, conditions }
}
