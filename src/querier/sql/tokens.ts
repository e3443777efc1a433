// Cuts a ClickHouse statement into tokens, as far as telling names, texts and comments apart needs it.
// One pass, linear in the length; whatever it does not understand is refused by the caller, not guessed.

export type TokenKind = "name" | "quotedName" | "text" | "number" | "symbol"

export interface Token {
  readonly kind: TokenKind
  /** A name without its quotes, a symbol as it stands; texts and numbers as written. */
  readonly value: string
  readonly start: number
  readonly end: number
}

export type Tokens = { readonly ok: true; readonly tokens: ReadonlyArray<Token> } | TokenProblem

export interface TokenProblem {
  readonly ok: false
  readonly problem: string
}

const spaces = /[\s\u00a0\u200b\ufeff]/
const nameStart = /[A-Za-z_]/
const namePart = /[A-Za-z0-9_$]/
const digit = /[0-9]/
const numberPart = /[A-Za-z0-9_.]/
const wellFormedNumber = /^(0[xX][0-9a-fA-F]+|0[bB][01]+|[0-9][0-9_]*(\.[0-9]*)?([eE][0-9]*)?)$/

const problem = (what: string): TokenProblem => ({ ok: false, problem: what })

/**
 * The index behind the closing quote, or -1 when there is none. Both `\x` and a doubled quote stand for
 * one character.
 */
const endOfQuoted = (sql: string, start: number, quote: string): number => {
  let i = start + 1
  while (i < sql.length) {
    const c = sql[i]
    if (c === "\\") i += 2
    else if (c !== quote) i++
    else if (sql[i + 1] === quote) i += 2
    else return i + 1
  }
  return -1
}

/** ClickHouse's newer versions nest block comments and older ones do not: one inside another is refused. */
const endOfComment = (sql: string, start: number): number => {
  const end = sql.indexOf("*/", start + 2)
  const inner = sql.indexOf("/*", start + 2)
  return end < 0 || (inner >= 0 && inner < end) ? -1 : end + 2
}

const endOfLine = (sql: string, start: number): number => {
  const end = sql.indexOf("\n", start)
  return end < 0 ? sql.length : end
}

const run = (sql: string, start: number, part: RegExp): number => {
  let i = start
  while (i < sql.length && part.test(sql[i])) i++
  return i
}

export const tokenize = (sql: string): Tokens => {
  const tokens: Array<Token> = []
  let i = 0
  while (i < sql.length) {
    const c = sql[i]
    const start = i
    if (spaces.test(c)) {
      i++
      continue
    }
    if (sql.startsWith("--", i)) {
      i = endOfLine(sql, i)
      continue
    }
    if (sql.startsWith("/*", i)) {
      i = endOfComment(sql, i)
      if (i < 0) return problem("a comment that starts with /* has no end, or holds another")
      continue
    }
    if (c === "'") {
      i = endOfQuoted(sql, i, c)
      if (i < 0) return problem("a text that starts with ' has no end")
      tokens.push({ kind: "text", value: sql.slice(start, i), start, end: i })
    } else if (c === '"' || c === "`") {
      i = endOfQuoted(sql, i, c)
      if (i < 0) return problem(`a name that starts with ${c} has no end`)
      const value = sql.slice(start + 1, i - 1)
      if (value.includes("\\") || value.includes(c))
        return problem("a quoted name holds a backslash or a quote")
      tokens.push({ kind: "quotedName", value, start, end: i })
    } else if (nameStart.test(c)) {
      i = run(sql, i, namePart)
      tokens.push({ kind: "name", value: sql.slice(start, i), start, end: i })
    } else if (digit.test(c)) {
      i = run(sql, i, numberPart)
      const value = sql.slice(start, i)
      if (!wellFormedNumber.test(value))
        return problem(`${value.slice(0, 40)} is neither a number nor a name`)
      tokens.push({ kind: "number", value, start, end: i })
    } else if (c === "$" || c === "#" || c === "\0" || c > "~") {
      return problem(`the character ${JSON.stringify(c)} stands outside of a text`)
    } else {
      i++
      tokens.push({ kind: "symbol", value: c, start, end: i })
    }
  }
  return { ok: true, tokens }
}
