// A place in the tokens of a statement, with the questions a parser asks there. Bounds how deep a statement may nest.

import type { Expression, NamePart, Query } from "./ast.ts"
import { type Token, tokensOf } from "./lexer.ts"
import { SqlProblem } from "./SqlProblem.ts"

const maxDepth = 150
/** Each may make the tree one level deeper: `a + a + a`. */
const maxOperators = 1000

const setWords = new Set(["UNION", "EXCEPT", "INTERSECT"])

/** Parts of the grammar that hold one another, each in a file of its own. */
export interface Grammar {
  readonly query: (reader: TokenReader) => Query
  /** Behind a function's name. */
  readonly call: (reader: TokenReader, name: NamePart, at: number) => Expression
}

export class TokenReader {
  readonly grammar: Grammar
  readonly sql: string
  readonly tokens: ReadonlyArray<Token>
  index = 0
  #depth = 0
  #operators = 0
  /** Index of the closing token by index of the opening one. */
  readonly #closing = new Map<number, number>()

  constructor(sql: string, grammar: Grammar) {
    this.sql = sql
    this.grammar = grammar
    this.tokens = tokensOf(sql)
    const open: Array<number> = []
    this.tokens.forEach((token, index) => {
      if (token.kind !== "symbol") return
      if (token.text === "(") open.push(index)
      else if (token.text === ")") {
        const start = open.pop()
        if (start !== undefined) this.#closing.set(start, index)
      }
    })
  }

  get token(): Token {
    return this.tokens[this.index]!
  }

  /** Where the token that was taken last ends. */
  get lastEnd(): number {
    return this.tokens[Math.max(0, this.index - 1)]!.end
  }

  peek(ahead: number): Token {
    return this.tokens[Math.min(this.index + ahead, this.tokens.length - 1)]!
  }

  next(): Token {
    const token = this.token
    if (token.kind !== "end") this.index++
    return token
  }

  isSymbol(symbol: string, ahead = 0): boolean {
    const token = this.peek(ahead)
    return token.kind === "symbol" && token.text === symbol
  }

  isWord(word: string, ahead = 0): boolean {
    return this.peek(ahead).word === word
  }

  /** Whether these words stand here, one after the other. */
  isWords(words: string): boolean {
    return words.split(" ").every((word, ahead) => this.isWord(word, ahead))
  }

  takeSymbol(symbol: string): boolean {
    if (!this.isSymbol(symbol)) return false
    this.index++
    return true
  }

  takeWords(words: string): boolean {
    if (!this.isWords(words)) return false
    this.index += words.split(" ").length
    return true
  }

  /** The first of the choices that stands here, taken. */
  takeAny(...choices: ReadonlyArray<string>): string | undefined {
    return choices.find((words) => this.takeWords(words))
  }

  fail(expected: string): never {
    const { kind, start, text } = this.token
    const found = kind === "end" ? "the end of the statement" : JSON.stringify(text.slice(0, 40))
    throw new SqlProblem(start, `expected ${expected}, found ${found}`)
  }

  expectSymbol(symbol: string): void {
    if (!this.takeSymbol(symbol)) this.fail(JSON.stringify(symbol))
  }

  expectWords(words: string): void {
    if (!this.takeWords(words)) this.fail(words)
  }

  namePart(expected = "a name"): NamePart {
    const { kind, text } = this.token
    if (kind !== "name" && kind !== "quotedName") return this.fail(expected)
    this.index++
    return { text, quoted: kind === "quotedName" }
  }

  list<A>(item: () => A): ReadonlyArray<A> {
    const items = [item()]
    while (this.takeSymbol(",")) items.push(item())
    return items
  }

  inParens<A>(content: () => A): A {
    this.expectSymbol("(")
    const value = content()
    this.expectSymbol(")")
    return value
  }

  /** Everything up to the closing parenthesis of the one just taken, as it stands; that one is taken too. */
  restOfParens(): string {
    const start = this.index
    const end = this.#closing.get(start - 1)
    if (end === undefined) this.fail('")"')
    this.index = end! + 1
    return this.textOf(start, end!)
  }

  /** Tokens from one index to before another, as they stand, with single spaces where there were any. */
  textOf(from: number, to: number): string {
    let text = ""
    for (let index = from; index < to; index++) {
      const token = this.tokens[index]!
      if (index > from && token.start > this.tokens[index - 1]!.end) text += " "
      text += this.sql.slice(token.start, token.end)
    }
    return text
  }

  /** A query starts here, perhaps in parentheses of which it fills the outermost. */
  isQueryAt(index = this.index): boolean {
    let start = index
    while (this.tokens[start]!.kind === "symbol" && this.tokens[start]!.text === "(") start++
    const { word } = this.tokens[start]!
    if (word !== "SELECT" && word !== "WITH" && word !== "FROM") return false
    for (let open = start - 1; open >= index; open--) {
      const close = this.#closing.get(open)
      const after = close === undefined ? undefined : this.tokens[close + 1]
      if (after === undefined || (after.text !== ")" && after.kind !== "end" && !setWords.has(after.word)))
        return false
    }
    return true
  }

  countOperator(): void {
    if (++this.#operators > maxOperators) {
      throw new SqlProblem(this.token.start, `the statement has more than ${maxOperators} operators`)
    }
  }

  nested<A>(content: () => A): A {
    if (++this.#depth > maxDepth) {
      throw new SqlProblem(this.token.start, `the statement nests deeper than ${maxDepth} levels`)
    }
    try {
      return content()
    } finally {
      this.#depth--
    }
  }
}
