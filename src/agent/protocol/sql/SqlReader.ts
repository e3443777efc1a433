// Reads a SQL statement in one pass over its bytes: its text with literals replaced by `?`, its first word, its table, and
// the trace identity in its comments. Invariants: looks at no more than `maxStatement` bytes, holds one buffer of that size,
// never throws; a statement that was cut reads as far as it goes.

import type { L7Message } from "../../../model/L7Session.ts"
import { latin1Text, utf8Text } from "../latin1.ts"
import { readCommentTrace } from "./commentTrace.ts"
import type { SqlDialect } from "./dialect.ts"
import { isBeforeTable, isStatementWord, maxWord, TablePlace, tablePlace } from "./words.ts"

/** Bytes of a statement that are read; the same number bounds its text. */
export const maxStatement = 4096
const maxTable = 128
const maxComments = 4

const Class = { other: 0, word: 1, digit: 2, space: 3, quote: 4, mark: 5 } as const

const classes = Uint8Array.from({ length: 256 }, (_, c) => {
  if (c >= 48 && c <= 57) return Class.digit
  if ((c | 32) >= 97 && (c | 32) <= 122) return Class.word
  if (c === 95 || c >= 128) return Class.word
  if (c === 39 || c === 34 || c === 96) return Class.quote
  if (c === 45 || c === 35 || c === 47 || c === 36 || c === 40 || c === 41) return Class.mark
  return c <= 32 ? Class.space : Class.other
})

/** What becomes of a token in the text. */
const Fate = { keep: 0, mask: 1, drop: 2 } as const
type Fate = (typeof Fate)[keyof typeof Fate]

const apostrophe = 39
const doubleQuote = 34
const backslash = 92
const dollar = 36
const dot = 46
const star = 42
const slash = 47
const minus = 45
const hash = 35
const LF = 10
const question = 63

const isWordByte = (c: number): boolean => {
  const kind = classes[c]
  return kind === Class.word || kind === Class.digit || c === dollar
}

export class SqlReader {
  /** After `read`: the statement, one to `maxStatement` bytes. */
  text = ""
  /** Its first word in upper case, empty when it is none that begins a statement. */
  keyword = ""
  /** Its first table as it is written, without quotes. */
  table = ""
  /** First word and table (`SELECT users`), or the word alone. */
  endpoint = ""
  private readonly out = new Uint8Array(maxStatement)
  private length = 0
  private bytes: Uint8Array = this.out
  private end = 0
  private isAscii = true
  private fate: Fate = Fate.keep
  private hasFirst = false
  private place: TablePlace = TablePlace.nowhere
  private isTableNext = false
  private isSecret = false
  private depth = 0
  /** Bit n: there is a SELECT in the n-th level of parentheses. */
  private selects = 0
  private readonly comments: Array<number> = []
  private readonly dialect: SqlDialect
  private readonly masksLiterals: boolean

  constructor(dialect: SqlDialect, masksLiterals: boolean) {
    this.dialect = dialect
    this.masksLiterals = masksLiterals
  }

  read(bytes: Uint8Array, start: number, stop: number): void {
    this.begin(bytes, Math.min(stop, start + maxStatement))
    const { end } = this
    let i = start
    while (i < end) {
      const from = i
      const c = bytes[i]
      this.fate = Fate.keep
      switch (classes[c]) {
        case Class.word: {
          i = this.word(i)
          break
        }
        case Class.digit: {
          i = this.number(i)
          break
        }
        case Class.quote: {
          i = this.quoted(i, c)
          break
        }
        case Class.mark: {
          i = this.mark(i, c)
          break
        }
        default: {
          i++
        }
      }
      this.put(from, i)
    }
    this.finish(stop > end)
  }

  /** Takes the trace identity from the comments that `read` found; their bytes must still be there. */
  readTrace(message: L7Message): void {
    const { comments } = this
    let rank = 0
    for (let i = 0; i < comments.length; i += 2)
      rank = readCommentTrace(latin1Text(this.bytes, comments[i], comments[i + 1]), message, rank)
  }

  private put(from: number, to: number): void {
    const { bytes, fate, out } = this
    if (fate === Fate.drop) return
    if (fate === Fate.mask && (this.masksLiterals || this.isSecret)) {
      out[this.length++] = question
      return
    }
    let { length } = this
    for (let at = from; at < to; at++) {
      const c = bytes[at]
      if (c >= 128) this.isAscii = false
      out[length++] = c
    }
    this.length = length
  }

  private begin(bytes: Uint8Array, end: number): void {
    this.bytes = bytes
    this.end = end
    this.length = 0
    this.isAscii = true
    this.hasFirst = false
    this.keyword = this.table = ""
    this.place = TablePlace.nowhere
    this.isTableNext = false
    this.isSecret = false
    this.depth = 0
    this.selects = 0
    this.comments.length = 0
  }

  private finish(isCut: boolean): void {
    const { out } = this
    let { length } = this
    let from = 0
    // Not half a character at the cut.
    if (isCut) {
      while (length > 0 && (out[length - 1] & 0xc0) === 0x80) length--
      if (length > 0 && out[length - 1] >= 0xc0) length--
    }
    // Where comments were left out, white space remained.
    if (this.masksLiterals) {
      while (length > 0 && out[length - 1] <= 32) length--
      while (from < length && out[from] <= 32) from++
    }
    this.text = this.isAscii ? latin1Text(out, from, length) : utf8Text(out, from, length)
    this.endpoint = this.table === "" ? this.keyword : `${this.keyword} ${this.table}`
  }

  /** A word from `i`; returns its end. */
  private word(i: number): number {
    const { bytes, end } = this
    let at = i + 1
    while (at < end && isWordByte(bytes[at])) at++
    // E'...', N'...', X'...', B'...'
    if (at === i + 1 && at < end && bytes[at] === apostrophe) {
      const stop = this.string(at, apostrophe, this.dialect.backslashes || (bytes[i] | 32) === 101)
      this.fate = Fate.mask
      return stop
    }
    if (this.isTableNext) this.tableWord(i, at)
    else if (at - i <= maxWord && this.isWordOfInterest(bytes[i])) {
      this.noticeWord(latin1Text(bytes, i, at).toUpperCase())
    }
    return at
  }

  /** Only words that begin like one that is looked for are made into text. */
  private isWordOfInterest(first: number): boolean {
    if (!this.hasFirst) return true
    switch (first | 32) {
      case 102: // FROM
      case 115: // SELECT
        return this.place === TablePlace.afterFrom && this.table === ""
      case 116: // TABLE
      case 111: // ON
        return this.place === TablePlace.afterTable && this.table === ""
      case 105: // IDENTIFIED
      case 112: // PASSWORD
        return true
      default:
        return false
    }
  }

  private noticeWord(word: string): void {
    if (!this.hasFirst) {
      this.hasFirst = true
      if (!isStatementWord(word)) return
      this.keyword = word
      this.place = tablePlace(word)
      this.isTableNext = this.place === TablePlace.next
      if (word === "SELECT" || word === "DELETE") this.selects |= 1 << this.depth
      return
    }
    switch (word) {
      case "SELECT": {
        this.selects |= 1 << this.depth
        break
      }
      case "FROM": {
        // `extract(year FROM x)` is none: there is no SELECT in its parentheses.
        if (this.place === TablePlace.afterFrom && ((this.selects >> this.depth) & 1) === 1)
          this.isTableNext = true
        break
      }
      case "TABLE":
      case "ON": {
        if (this.place === TablePlace.afterTable) this.isTableNext = true
        break
      }
      case "IDENTIFIED":
      case "PASSWORD": {
        this.isSecret = true
        break
      }
      default:
    }
  }

  private tableWord(start: number, end: number): void {
    const { bytes } = this
    if (end - start <= maxWord && isBeforeTable(latin1Text(bytes, start, end).toUpperCase())) return
    this.addTable(start, end, end)
  }

  /** bytes[start, end) names the table or a part of its name; the name may go on at `next` with a dot. */
  private addTable(start: number, end: number, next: number): void {
    const part = utf8Text(this.bytes, start, Math.min(end, start + maxTable))
    this.table = this.table === "" ? part : `${this.table}.${part}`
    const goesOn = next < this.end && this.bytes[next] === dot && this.table.length < maxTable
    this.isTableNext = goesOn
    if (!goesOn) this.place = TablePlace.nowhere
  }

  private number(i: number): number {
    const { bytes, end } = this
    let at = i + 1
    while (at < end) {
      const c = bytes[at]
      if (isWordByte(c) || c === dot) at++
      else if ((c === 43 || c === minus) && (bytes[at - 1] | 32) === 101 && bytes[i + 1] !== 120) at++
      else break
    }
    this.fate = Fate.mask
    return at
  }

  private quoted(i: number, quote: number): number {
    if (quote === apostrophe || (quote === doubleQuote && this.dialect.doubleQuotesText)) {
      this.fate = Fate.mask
      return this.string(i, quote, this.dialect.backslashes)
    }
    const stop = this.string(i, quote, false)
    this.hasFirst = true
    if (this.isTableNext) this.addTable(i + 1, this.bytes[stop - 1] === quote ? stop - 1 : stop, stop)
    return stop
  }

  /** End of the quoted run that begins at `i`; a doubled quote is part of it. */
  private string(i: number, quote: number, hasBackslashes: boolean): number {
    const { bytes, end } = this
    let at = i + 1
    while (at < end) {
      const c = bytes[at]
      if (c === backslash && hasBackslashes) at += 2
      else if (c !== quote) at++
      else if (at + 1 < end && bytes[at + 1] === quote) at += 2
      else return at + 1
    }
    return end
  }

  private mark(i: number, c: number): number {
    const { bytes, end, dialect } = this
    const next = i + 1 < end ? bytes[i + 1] : 0
    if (c === 40) {
      this.depth = Math.min(30, this.depth + 1)
      // A subquery or a function instead of a table.
      this.isTableNext = false
    } else if (c === 41) {
      this.selects &= ~(1 << this.depth)
      this.depth = Math.max(0, this.depth - 1)
    } else if (c === slash && next === star) return this.block(i)
    else if (
      c === minus &&
      next === minus &&
      (!dialect.dashesNeedSpace || i + 2 >= end || bytes[i + 2] <= 32)
    )
      return this.line(i + 2)
    else if (c === hash && dialect.hashComments) return this.line(i + 1)
    else if (c === dollar) return this.dollar(i, next)
    return i + 1
  }

  /** `$1` is a parameter; `$$...$$` and `$tag$...$tag$` quote text. */
  private dollar(i: number, next: number): number {
    const { bytes, end } = this
    let at = i + 1
    while (at < end && isWordByte(bytes[at]) && bytes[at] !== dollar) at++
    if (!this.dialect.dollarQuotes || at === end || bytes[at] !== dollar || classes[next] === Class.digit)
      return at
    const length = at + 1 - i
    this.fate = Fate.mask
    for (let close = at + 1; close + length <= end; close++) {
      let same = 0
      while (same < length && bytes[close + same] === bytes[i + same]) same++
      if (same === length) return close + length
    }
    return end
  }

  private line(bodyAt: number): number {
    const { bytes, end } = this
    let at = bodyAt
    while (at < end && bytes[at] !== LF) at++
    return this.comment(bodyAt, at, at)
  }

  private block(i: number): number {
    const { bytes, end } = this
    const bodyAt = i + 2
    // Hints and conditional code are part of the statement.
    if (bodyAt < end && (bytes[bodyAt] === 33 || bytes[bodyAt] === 43)) return bodyAt + 1
    let at = bodyAt
    while (at + 1 < end && !(bytes[at] === star && bytes[at + 1] === slash)) at++
    return at + 1 < end ? this.comment(bodyAt, at, at + 2) : this.comment(bodyAt, end, end)
  }

  /** Comments carry values (trace identities): where literals are masked, comments are left out. */
  private comment(bodyAt: number, bodyEnd: number, next: number): number {
    if (this.comments.length < 2 * maxComments) this.comments.push(bodyAt, bodyEnd)
    if (this.masksLiterals) this.fate = Fate.drop
    return next
  }
}
