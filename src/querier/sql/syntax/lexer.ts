// Cuts a statement into tokens for the parser. Unlike the guard's tokens these know operators of several characters and tag names
// written bare (`k8s.label.app.kubernetes.io/name_0`); comments are left out. Linear, never guesses.

import { customTagFamilies } from "../../../tags/customTags.ts"
import { SqlProblem } from "./SqlProblem.ts"

export interface Token {
  readonly kind: "name" | "quotedName" | "tagName" | "text" | "number" | "symbol" | "end"
  /** A name without quotes, a symbol; texts and numbers as written. */
  readonly text: string
  /** A word in capitals, to compare with keywords; empty for what is no bare name. */
  readonly word: string
  readonly start: number
  readonly end: number
}

const maxTokens = 50_000

const spaces = /[\s\u00a0\u200b\ufeff]+/y
const bareName = /[A-Za-z_][A-Za-z0-9_$]*/y
const number =
  /0[xX][0-9a-fA-F]+|0[bB][01]+|[0-9][0-9_]*(?:\.[0-9]*)?(?:[eE][+-]?[0-9]+)?|\.[0-9]+(?:[eE][+-]?[0-9]+)?/y
const digits = /[0-9]+/y
const operator = /::|->|<=>|<=|>=|<>|!=|==|\|\||[()[\],.+\-*/%=<>?:;]/y

const families = customTagFamilies.map(({ prefix }) => prefix.replaceAll(".", "\\.")).join("|")
/** A dash or slash belongs to the name only between two of its characters: `--` and `/*` stay comments. */
const bareTag = new RegExp(`(?:${families})\\.[A-Za-z0-9_]+(?:[./-][A-Za-z0-9_]+)*`, "y")

const matchAt = (pattern: RegExp, sql: string, at: number): string | undefined => {
  pattern.lastIndex = at
  return pattern.exec(sql)?.[0]
}

/** Behind the closing quote. Both a backslash and a second quote escape. */
const endOfQuoted = (sql: string, start: number): number => {
  const quote = sql[start]!
  let at = start + 1
  while (at < sql.length) {
    const c = sql[at]
    if (c === "\\") at += 2
    else if (c !== quote) at++
    else if (sql[at + 1] === quote) at += 2
    else return at + 1
  }
  throw new SqlProblem(start, `what starts with ${quote} has no end`)
}

const endOfBlockComment = (sql: string, start: number): number => {
  const end = sql.indexOf("*/", start + 2)
  const inner = sql.indexOf("/*", start + 2)
  if (end < 0) throw new SqlProblem(start, "the comment that starts with /* has no end")
  if (inner >= 0 && inner < end) throw new SqlProblem(inner, "a comment stands inside another")
  return end + 2
}

const escapes: Readonly<Record<string, string>> = {
  b: "\b",
  f: "\f",
  r: "\r",
  n: "\n",
  t: "\t",
  0: "\0",
  a: "\u0007",
  v: "\v",
  e: "\u001b",
}

/** What stands between quotes, as ClickHouse reads it: an unknown escape keeps its backslash. */
export const unescape = (inner: string, quote: string): string => {
  if (!inner.includes("\\") && !inner.includes(quote)) return inner
  let result = ""
  for (let at = 0; at < inner.length; at++) {
    const c = inner[at]!
    if (c === quote) at++
    if (c !== "\\") {
      result += c
      continue
    }
    const next = inner[++at] ?? ""
    const hex = next === "x" ? matchAt(/[0-9a-fA-F]{2}/y, inner, at + 1) : undefined
    if (hex !== undefined) {
      result += String.fromCharCode(Number.parseInt(hex, 16))
      at += 2
    } else if (next === "N") result += ""
    else if (escapes[next] !== undefined) result += escapes[next]
    else result += /[\\'"`/=]/.test(next) ? next : `\\${next}`
  }
  return result
}

export const tokensOf = (sql: string): ReadonlyArray<Token> => {
  const tokens: Array<Token> = []
  let at = 0
  const push = (kind: Token["kind"], text: string, end: number) => {
    if (tokens.length >= maxTokens) throw new SqlProblem(at, `the statement has more than ${maxTokens} words`)
    tokens.push({ kind, text, word: kind === "name" ? text.toUpperCase() : "", start: at, end })
    at = end
  }
  while (at < sql.length) {
    const c = sql[at]!
    const space = matchAt(spaces, sql, at)
    if (space !== undefined) at += space.length
    else if (sql.startsWith("--", at)) at = sql.indexOf("\n", at) < 0 ? sql.length : sql.indexOf("\n", at)
    else if (sql.startsWith("/*", at)) at = endOfBlockComment(sql, at)
    else if (c === "'") push("text", sql.slice(at, endOfQuoted(sql, at)), endOfQuoted(sql, at))
    else if (c === "`" || c === '"') {
      const end = endOfQuoted(sql, at)
      push("quotedName", unescape(sql.slice(at + 1, end - 1), c), end)
    } else {
      const previous = tokens.at(-1)
      const afterDot = previous?.text === "." && previous.end === at
      const tag = matchAt(bareTag, sql, at)
      const name = matchAt(bareName, sql, at)
      const written = matchAt(afterDot ? digits : number, sql, at)
      const symbol = matchAt(operator, sql, at)
      if (tag !== undefined) push("tagName", tag, at + tag.length)
      else if (name !== undefined) push("name", name, at + name.length)
      else if (written !== undefined && !(c === "." && /[A-Za-z0-9_)\]`"]/.test(sql[at - 1] ?? ""))) {
        const end = at + written.length
        if (/[A-Za-z_]/.test(sql[end] ?? "")) {
          throw new SqlProblem(at, `${written}${sql[end]}... is neither a number nor a name`)
        }
        push("number", written, end)
      } else if (symbol !== undefined) push("symbol", symbol, at + symbol.length)
      else throw new SqlProblem(at, `the character ${JSON.stringify(c)} stands outside of a text`)
    }
  }
  tokens.push({ kind: "end", text: "", word: "", start: sql.length, end: sql.length })
  return tokens
}
