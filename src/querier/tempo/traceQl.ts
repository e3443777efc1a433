// Reads the part of TraceQL that asks for spans by what they are themselves: comparisons of a field and a value, joined with && and ||,
// grouped with parentheses, negated with !; several sets of spans joined with ||; and what only says how to show it (`| select(...)`).
// Everything else is refused with what was not understood.

export const comparisons = ["=", "!=", ">", ">=", "<", "<=", "=~", "!~"] as const

export interface TraceQlCondition {
  /** As written, with its scope: `resource.service.name`, `.http.route`, `duration`. */
  readonly field: string
  readonly operator: (typeof comparisons)[number]
  /** Durations and numbers as written: `100ms`, `5`. */
  readonly value: string
}

export type SpanExpression =
  /** Every span. */
  | { readonly is: "true" }
  | { readonly is: "condition"; readonly condition: TraceQlCondition }
  | { readonly is: "not"; readonly of: SpanExpression }
  | { readonly is: "and" | "or"; readonly left: SpanExpression; readonly right: SpanExpression }

export type ParsedTraceQl =
  | { readonly ok: true; readonly spans: SpanExpression }
  | { readonly ok: false; readonly message: string }

const token =
  /\s*(?:(?<text>"(?:[^"\\]|\\.)*"|`[^`]*`)|(?<operator>&&|\|\||!=|=~|!~|>=|<=|>>|<<|[{}()=<>|!,~+*/-])|(?<word>(?:[A-Za-z_.:][\w.:-]*|\d[\w.]*)(?:"(?:[^"\\]|\\.)*")?))/y

const maxLength = 4_096
/** Parentheses and negations within each other. */
const deepest = 64

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

class NotUnderstood extends Error {}

const everything: SpanExpression = { is: "true" }

class Reader {
  readonly #tokens: ReadonlyArray<Token>
  #at = 0
  #depth = 0

  constructor(tokens: ReadonlyArray<Token>) {
    this.#tokens = tokens
  }

  get #next(): Token | undefined {
    return this.#tokens[this.#at]
  }

  #is(operator: string): boolean {
    return this.#next?.kind === "operator" && this.#next.value === operator
  }

  #takes(operator: string): boolean {
    if (!this.#is(operator)) return false
    this.#at++
    return true
  }

  #shown(): string {
    return this.#next === undefined ? "the end" : JSON.stringify(this.#next.value)
  }

  #expect(operator: string): void {
    if (!this.#takes(operator)) throw new NotUnderstood(`expected ${operator}, found ${this.#shown()}`)
  }

  query(): SpanExpression {
    let spans = this.#spanset()
    while (this.#takes("||")) spans = { is: "or", left: spans, right: this.#spanset() }
    // How results are shown: every span is answered whole.
    while (this.#takes("|")) this.#select()
    if (this.#next !== undefined) throw new NotUnderstood(`${this.#shown()} after the spans`)
    return spans
  }

  #spanset(): SpanExpression {
    this.#expect("{")
    if (this.#takes("}")) return everything
    const spans = this.#or()
    if (!this.#takes("}")) throw new NotUnderstood(`expected && or || or }, found ${this.#shown()}`)
    return spans
  }

  #select(): void {
    if (this.#next?.value !== "select")
      throw new NotUnderstood(`| ${this.#next?.value ?? ""} is not understood`)
    this.#at++
    while (this.#next !== undefined && !this.#is(")")) this.#at++
    this.#at++
  }

  #or(): SpanExpression {
    let left = this.#and()
    while (this.#takes("||")) left = { is: "or", left, right: this.#and() }
    return left
  }

  #and(): SpanExpression {
    let left = this.#one()
    while (this.#takes("&&")) left = { is: "and", left, right: this.#one() }
    return left
  }

  #one(): SpanExpression {
    if (++this.#depth > deepest) throw new NotUnderstood(`more than ${deepest} parentheses within each other`)
    try {
      if (this.#takes("!")) return { is: "not", of: this.#one() }
      if (!this.#takes("(")) return this.#condition()
      const within = this.#or()
      this.#expect(")")
      return within
    } finally {
      this.#depth--
    }
  }

  #condition(): SpanExpression {
    const field = this.#next
    if (field?.kind !== "word")
      throw new NotUnderstood(`expected the name of a field, found ${this.#shown()}`)
    this.#at++
    const operator = this.#next
    const comparison = comparisons.find((one) => operator?.kind === "operator" && one === operator.value)
    if (comparison === undefined) {
      if (field.value === "true") return everything
      if (field.value === "false") return { is: "not", of: everything }
      throw new NotUnderstood(
        `${field.value}: expected one of ${comparisons.join(" ")}, found ${this.#shown()}`,
      )
    }
    this.#at++
    const value = this.#next
    if (value === undefined || value.kind === "operator")
      throw new NotUnderstood(`${field.value} ${comparison}: expected a value, found ${this.#shown()}`)
    this.#at++
    return {
      is: "condition",
      condition: { field: field.value, operator: comparison, value: value.value },
    }
  }
}

export const parseTraceQl = (query: string): ParsedTraceQl => {
  const refused = (message: string): ParsedTraceQl => ({ ok: false, message: `TraceQL: ${message}` })
  if (query.length > maxLength) return refused(`longer than ${maxLength} characters`)
  const tokens = tokensOf(query)
  if (typeof tokens === "string") return refused(tokens)
  if (tokens.length === 0) return { ok: true, spans: everything }
  try {
    return { ok: true, spans: new Reader(tokens).query() }
  } catch (error) {
    if (error instanceof NotUnderstood) return refused(error.message)
    throw error
  }
}

/** Conditions that all hold; undefined: it is more than that. */
export const conjunction = (spans: SpanExpression): ReadonlyArray<TraceQlCondition> | undefined => {
  if (spans.is === "true") return []
  if (spans.is === "condition") return [spans.condition]
  if (spans.is !== "and") return undefined
  const [left, right] = [conjunction(spans.left), conjunction(spans.right)]
  return left === undefined || right === undefined ? undefined : [...left, ...right]
}
