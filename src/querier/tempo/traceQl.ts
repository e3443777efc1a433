// Reads the part of TraceQL that asks for spans: sets of them by what they are themselves (comparisons of a field and a value, joined
// with && and ||, grouped with parentheses, negated with !), sets by how they stand to each other in a trace (`>`, `>>`, `<`, `<<`, `~`,
// `&&`, `||`), and what only says how to show it (`| select(...)`). Everything else is refused with what was not understood.

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

/** `>`: right is the child of left, `>>`: below it; `<`, `<<`: the other way round; `~`: both have one parent; `&&`: both are there. */
export const relations = [">", ">>", "<", "<<", "~"] as const

export type SpansetExpression =
  | { readonly is: "spans"; readonly spans: SpanExpression }
  | {
      readonly is: (typeof relations)[number] | "&&" | "||"
      readonly left: SpansetExpression
      readonly right: SpansetExpression
    }

export type ParsedTraceQl =
  | { readonly ok: true; readonly spansets: SpansetExpression }
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

  query(): SpansetExpression {
    const spans = this.#eitherSpansets()
    // How results are shown: every span is answered whole.
    while (this.#takes("|")) this.#select()
    if (this.#next !== undefined) throw new NotUnderstood(`${this.#shown()} after the spans`)
    return spans
  }

  #eitherSpansets(): SpansetExpression {
    let left = this.#bothSpansets()
    while (this.#takes("||")) left = { is: "||", left, right: this.#bothSpansets() }
    return left
  }

  #bothSpansets(): SpansetExpression {
    let left = this.#relatedSpansets()
    while (this.#takes("&&")) left = { is: "&&", left, right: this.#relatedSpansets() }
    return left
  }

  #relatedSpansets(): SpansetExpression {
    let left = this.#spanset()
    for (;;) {
      const relation = relations.find((one) => this.#is(one))
      if (relation === undefined) return left
      this.#at++
      left = { is: relation, left, right: this.#spanset() }
    }
  }

  #spanset(): SpansetExpression {
    if (this.#is("(")) return this.#within(() => this.#eitherSpansets())
    this.#expect("{")
    if (this.#takes("}")) return { is: "spans", spans: everything }
    const spans = this.#or()
    if (!this.#takes("}")) throw new NotUnderstood(`expected && or || or }, found ${this.#shown()}`)
    return { is: "spans", spans }
  }

  /** In parentheses. */
  #within<Expression>(read: () => Expression): Expression {
    this.#deeper()
    this.#expect("(")
    const within = read()
    this.#expect(")")
    this.#depth--
    return within
  }

  #deeper(): void {
    if (++this.#depth > deepest) throw new NotUnderstood(`more than ${deepest} parentheses within each other`)
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
    if (this.#is("(")) return this.#within(() => this.#or())
    if (!this.#takes("!")) return this.#condition()
    this.#deeper()
    const of = this.#one()
    this.#depth--
    return { is: "not", of }
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
  if (tokens.length === 0) return { ok: true, spansets: { is: "spans", spans: everything } }
  try {
    return { ok: true, spansets: new Reader(tokens).query() }
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

/** One set of spans, where it is no more than that: any of several sets is the set of what is in any. */
export const oneSpanset = (spansets: SpansetExpression): SpanExpression | undefined => {
  if (spansets.is === "spans") return spansets.spans
  if (spansets.is !== "||") return undefined
  const [left, right] = [oneSpanset(spansets.left), oneSpanset(spansets.right)]
  return left === undefined || right === undefined ? undefined : { is: "or", left, right }
}

const hasRegularExpression = (spans: SpanExpression): boolean => {
  if (spans.is === "condition") return spans.condition.operator.includes("~")
  if (spans.is === "not") return hasRegularExpression(spans.of)
  return spans.is !== "true" && (hasRegularExpression(spans.left) || hasRegularExpression(spans.right))
}

/** The single sets that it is about. */
export const leavesOf = (spansets: SpansetExpression): ReadonlyArray<SpanExpression> =>
  spansets.is === "spans" ? [spansets.spans] : [...leavesOf(spansets.left), ...leavesOf(spansets.right)]

/** Of sets that stand to each other in some way: they are found in assembled traces, where regular expressions are not looked for. */
export const relatedProblem = (spansets: SpansetExpression): string | undefined =>
  leavesOf(spansets).some(hasRegularExpression)
    ? "regular expressions are understood in one set of spans, not in relations between sets"
    : undefined
