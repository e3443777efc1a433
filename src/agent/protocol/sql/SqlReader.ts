// Reads a SQL statement in one pass over its bytes: its text with literals replaced by `?`, its first word, its table, and
// the trace identity in its comments. Invariants: looks at no more than `maxStatement` bytes, holds one buffer of that size,
// never throws; a statement that was cut reads as far as it goes.

import type { L7Message } from "../../../model/L7Session.ts"
import { latin1Text, utf8Text } from "../latin1.ts"
import { readCommentTrace } from "./commentTrace.ts"
import type { SqlDialect } from "./dialect.ts"
import { apostrophe, doubleQuote, isDigit, numberEnd, quotedEnd, wordBytes } from "./literals.ts"
import type { PreparedStatement } from "./StatementCache.ts"
import { maxMarks, StatementShapes } from "./StatementShapes.ts"
import { firstWord, isBeforeTable, TablePlace, tablePlace } from "./words.ts"

/** Bytes of a statement that are read; the same number bounds its text. */
export const maxStatement = 4096
const maxTable = 128
const maxComments = 4
/** Longest tag of a dollar quote. */
const maxTag = 66

/** `plain` is white space and what means nothing here. */
const Class = { plain: 0, word: 1, digit: 2, quote: 3, mark: 4 } as const

const classes = Uint8Array.from({ length: 256 }, (_, c) => {
  if (isDigit(c)) return Class.digit
  if ((c | 32) >= 97 && (c | 32) <= 122) return Class.word
  if (c === 95 || c >= 128) return Class.word
  if (c === 39 || c === 34 || c === 96) return Class.quote
  return c === 45 || c === 35 || c === 47 || c === 36 || c === 40 || c === 41 ? Class.mark : Class.plain
})

/** Words that are looked for behind the first one. */
const Wanted = { from: 1, table: 2, secret: 4 } as const

/** What a word that begins with this byte may be. */
const beginnings = new Uint8Array(256)
for (const [letters, wanted] of [
  ["fFsS", Wanted.from],
  ["tToO", Wanted.table],
  ["iIpP", Wanted.secret],
] as const)
  for (const letter of letters) beginnings[letter.charCodeAt(0)] = wanted

/** What becomes of a token in the text. */
const Fate = { mask: 1, drop: 2 } as const
type Fate = (typeof Fate)[keyof typeof Fate]

/** What closes text that begins with a bracket: those of q'...'. */
const closing: Readonly<Record<number, number>> = { 40: 41, 60: 62, 91: 93, 123: 125 }

const dollar = 36
const dot = 46
const star = 42
const slash = 47
const minus = 45
const hash = 35
const LF = 10
const question = 63

/** Whether bytes[start, ...) are the letters of `word`, which is in small letters. */
const isWord = (bytes: Uint8Array, start: number, word: string): boolean => {
  for (let i = 0; i < word.length; i++) if ((bytes[start + i] | 32) !== word.charCodeAt(i)) return false
  return true
}

/** bytes[start, end) are the word `q` or `nq`. */
const isQ = (bytes: Uint8Array, start: number, end: number): boolean =>
  (bytes[end - 1] | 32) === 113 && (end - start === 1 || (end - start === 2 && (bytes[start] | 32) === 110))

/** Text of UTF-8; most of it is ASCII, which is cheaper to make. */
const textOf = (bytes: Uint8Array, start: number, end: number): string => {
  let all = 0
  for (let i = start; i < end; i++) all |= bytes[i]
  return all < 128 ? latin1Text(bytes, start, end) : utf8Text(bytes, start, end)
}

const noStatement: PreparedStatement = { text: "", endpoint: "" }

export class SqlReader {
  /** After `read`: its text of one to `maxStatement` bytes; its first word and table (`SELECT users`), or the word alone. */
  statement: PreparedStatement = noStatement
  /** Its first word in upper case, empty when it is none that begins a statement. */
  keyword = ""
  /** Its first table as it is written, without quotes. */
  table = ""
  private readonly out = new Uint8Array(maxStatement)
  private length = 0
  private bytes: Uint8Array = this.out
  private end = 0
  /** Where the run of bytes that are kept as they are began. */
  private keptFrom = 0
  private hasFirst = false
  /** Words that mean something from here on. */
  private wanted = 0
  private isTableNext = false
  private isSecret = false
  private isIdentified = false
  /** The next word is a password. */
  private isSecretNext = false
  private depth = 0
  /** Bit n: there is a SELECT in the n-th level of parentheses. */
  private selects = 0
  /** Beginnings and ends of the bodies of comments, `commentCount` of each. */
  private readonly comments = new Uint32Array(2 * maxComments)
  private commentCount = 0
  /** Where literals were masked in `out`. */
  private readonly marks = new Uint16Array(maxMarks)
  private markCount = 0
  private readonly shapes: StatementShapes
  private readonly dialect: SqlDialect
  private readonly masksLiterals: boolean

  constructor(dialect: SqlDialect, masksLiterals: boolean) {
    this.dialect = dialect
    this.masksLiterals = masksLiterals
    this.shapes = new StatementShapes(dialect)
  }

  get text(): string {
    return this.statement.text
  }

  get endpoint(): string {
    return this.statement.endpoint
  }

  read(bytes: Uint8Array, start: number, stop: number): void {
    const end = Math.min(stop, start + maxStatement)
    if (stop === end && this.recognise(bytes, start, end)) return
    this.begin(bytes, start, end)
    let i = start
    while (i < end) {
      const c = bytes[i]
      switch (classes[c]) {
        case Class.plain: {
          i++
          break
        }
        case Class.word: {
          i = this.word(i, c)
          break
        }
        case Class.digit: {
          i = this.put(i, numberEnd(bytes, i, end), Fate.mask)
          break
        }
        case Class.quote: {
          i = this.quoted(i, c)
          break
        }
        default: {
          i = this.mark(i, c)
        }
      }
    }
    this.finish(start, stop > end)
  }

  /** Whether bytes[start, end) are a statement without NUL whose shape is known; then this is as if it had been read. */
  recognise(bytes: Uint8Array, start: number, end: number): boolean {
    const known = this.shapes.find(bytes, start, end)
    if (known === undefined) return false
    this.statement = known.statement
    this.keyword = known.keyword
    this.table = known.table
    this.commentCount = 0
    return true
  }

  /** Takes the trace identity from the comments that `read` found; their bytes must still be there. */
  readTrace(message: L7Message): void {
    const { bytes, comments } = this
    let rank = 0
    for (let i = 0; i < 2 * this.commentCount; i += 2)
      rank = readCommentTrace(latin1Text(bytes, comments[i], comments[i + 1]), message, rank)
  }

  /** Ends a run of bytes that are kept where a token begins that is not; returns the end of the token. */
  private put(from: number, to: number, fate: Fate): number {
    if (fate === Fate.mask && !this.masksLiterals && !this.isSecret) return to
    this.copy(from)
    if (fate === Fate.mask) {
      if (this.markCount < maxMarks) this.marks[this.markCount] = this.length
      this.markCount++
      this.out[this.length++] = question
    }
    this.keptFrom = to
    return to
  }

  /** Copies the bytes kept so far, up to `to`. */
  private copy(to: number): void {
    const { bytes, out } = this
    let { length } = this
    for (let at = this.keptFrom; at < to; at++) out[length++] = bytes[at]
    this.length = length
  }

  private begin(bytes: Uint8Array, start: number, end: number): void {
    this.bytes = bytes
    this.end = end
    this.keptFrom = start
    this.length = 0
    this.hasFirst = false
    this.keyword = this.table = ""
    this.wanted = 0
    this.isTableNext = false
    this.isSecret = this.isIdentified = this.isSecretNext = false
    this.depth = 0
    this.selects = 0
    this.commentCount = 0
    this.markCount = 0
  }

  private finish(start: number, isCut: boolean): void {
    const { bytes, end, keyword, table } = this
    const isWhole = this.keptFrom === start
    if (!isWhole) this.copy(end)
    const text = isWhole
      ? this.trimmed(bytes, start, end, isCut)
      : this.trimmed(this.out, 0, this.length, isCut)
    this.statement = { text, endpoint: table === "" ? keyword : `${keyword} ${table}` }
    // Comments differ, and passwords stand in places of their own.
    if (isCut || this.isSecret || this.commentCount > 0 || this.markCount > maxMarks) return
    if (!this.shapes.admits()) return
    // A copy of its own: `slice` of a Buffer is a view.
    const kept = new Uint8Array(isWhole ? bytes.subarray(start, end) : this.out.subarray(0, this.length))
    const marks = this.marks.slice(0, this.markCount)
    this.shapes.add(bytes, start, end, { statement: this.statement, keyword, table, kept, marks })
  }

  private trimmed(bytes: Uint8Array, start: number, end: number, isCut: boolean): string {
    let from = start
    let to = end
    // Not half a character at the cut.
    if (isCut) {
      while (to > from && (bytes[to - 1] & 0xc0) === 0x80) to--
      if (to > from && bytes[to - 1] >= 0xc0) to--
    }
    // Where comments were left out, white space remained.
    if (this.masksLiterals) {
      while (to > from && bytes[to - 1] <= 32) to--
      while (from < to && bytes[from] <= 32) from++
    }
    return textOf(bytes, from, to)
  }

  /** A word from `i`, which begins with `c`; returns its end. */
  private word(i: number, c: number): number {
    const { bytes, end } = this
    let at = i + 1
    while (at < end && wordBytes[bytes[at]] === 1) at++
    if (this.dialect.qQuotes === true && at < end && bytes[at] === apostrophe && isQ(bytes, i, at))
      return this.put(i, this.qQuoteEnd(at), Fate.mask)
    // E'...', N'...', X'...', B'...'
    if (at === i + 1 && at < end && bytes[at] === apostrophe) {
      const hasBackslashes = this.dialect.backslashes || (c | 32) === 101
      return this.put(i, quotedEnd(bytes, at, end, apostrophe, hasBackslashes), Fate.mask)
    }
    if (this.isIdentified && this.dialect.bareSecrets === true) return this.secretWord(i, at)
    if (this.isTableNext) this.tableWord(i, at)
    else if (!this.hasFirst) this.firstWord(i, at)
    else if ((beginnings[c] & this.wanted) !== 0) this.wantedWord(i, at - i)
    return at
  }

  /** A word behind IDENTIFIED: the password itself, or what announces it. */
  private secretWord(i: number, at: number): number {
    if (this.isSecretNext) {
      this.isSecretNext = false
      return this.put(i, at, Fate.mask)
    }
    const { bytes } = this
    this.isSecretNext =
      (at - i === 2 && isWord(bytes, i, "by")) || (at - i === 7 && isWord(bytes, i, "replace"))
    return at
  }

  /** Behind the bracket that answers the one at `i + 1`, or the same character again, and an apostrophe. */
  private qQuoteEnd(i: number): number {
    const { bytes, end } = this
    const open = i + 1 < end ? bytes[i + 1] : 0
    const close = closing[open] ?? open
    for (let at = i + 2; at + 1 < end; at++)
      if (bytes[at] === close && bytes[at + 1] === apostrophe) return at + 2
    return end
  }

  private firstWord(start: number, end: number): void {
    this.hasFirst = true
    this.wanted = Wanted.secret
    const word = firstWord(this.bytes, start, end)
    if (word === undefined) return
    this.keyword = word
    const place = tablePlace(word)
    this.isTableNext = place === TablePlace.next
    if (place === TablePlace.afterFrom) this.wanted |= Wanted.from
    else if (place === TablePlace.afterTable) this.wanted |= Wanted.table
    if (word === "SELECT" || word === "DELETE") this.selects |= 1 << this.depth
  }

  private wantedWord(start: number, length: number): void {
    const { bytes } = this
    switch (length) {
      case 2: {
        if (isWord(bytes, start, "on")) this.isTableNext = true
        return
      }
      case 4: {
        // `extract(year FROM x)` is none: there is no SELECT in its parentheses.
        if (((this.selects >> this.depth) & 1) === 1 && isWord(bytes, start, "from")) this.isTableNext = true
        return
      }
      case 5: {
        if (isWord(bytes, start, "table")) this.isTableNext = true
        return
      }
      case 6: {
        if (isWord(bytes, start, "select")) this.selects |= 1 << this.depth
        return
      }
      case 8: {
        if (isWord(bytes, start, "password")) this.isSecret = true
        return
      }
      case 10: {
        if (isWord(bytes, start, "identified")) this.isSecret = this.isIdentified = true
        return
      }
      default:
    }
  }

  private tableWord(start: number, end: number): void {
    if (isBeforeTable(this.bytes, start, end)) return
    this.addTable(start, end, end)
  }

  /** bytes[start, end) names the table or a part of its name; the name may go on at `next` with a dot. */
  private addTable(start: number, end: number, next: number): void {
    const part = textOf(this.bytes, start, Math.min(end, start + maxTable))
    this.table = this.table === "" ? part : `${this.table}.${part}`
    const goesOn = next < this.end && this.bytes[next] === dot && this.table.length < maxTable
    this.isTableNext = goesOn
    if (!goesOn) this.wanted = Wanted.secret
  }

  private quoted(i: number, quote: number): number {
    const { bytes, end } = this
    if (quote === apostrophe || (quote === doubleQuote && this.dialect.doubleQuotesText))
      return this.put(i, quotedEnd(bytes, i, end, quote, this.dialect.backslashes), Fate.mask)
    const stop = quotedEnd(bytes, i, end, quote, false)
    if (this.isSecretNext) {
      this.isSecretNext = false
      return this.put(i, stop, Fate.mask)
    }
    this.hasFirst = true
    if (this.isTableNext) this.addTable(i + 1, bytes[stop - 1] === quote ? stop - 1 : stop, stop)
    return stop
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
      return this.line(i, i + 2)
    else if (c === hash && dialect.hashComments) return this.line(i, i + 1)
    else if (c === dollar) return this.dollar(i, next)
    return i + 1
  }

  /** `$1` is a parameter; `$$...$$` and `$tag$...$tag$` quote text. */
  private dollar(i: number, next: number): number {
    const { bytes, end } = this
    let at = i + 1
    while (at < end && wordBytes[bytes[at]] === 1 && bytes[at] !== dollar) at++
    if (!this.dialect.dollarQuotes || at === end || bytes[at] !== dollar || classes[next] === Class.digit)
      return at
    const length = at + 1 - i
    return length > maxTag ? at : this.put(i, this.dollarEnd(i, at + 1, length), Fate.mask)
  }

  /** Behind the same tag as that of `length` bytes at `i`, from `start` on. */
  private dollarEnd(i: number, start: number, length: number): number {
    const { bytes, end } = this
    for (let close = start; close + length <= end; close++) {
      let same = 0
      while (same < length && bytes[close + same] === bytes[i + same]) same++
      if (same === length) return close + length
    }
    return end
  }

  private line(from: number, bodyAt: number): number {
    const { bytes, end } = this
    let at = bodyAt
    while (at < end && bytes[at] !== LF) at++
    return this.comment(from, bodyAt, at, at)
  }

  private block(from: number): number {
    const { bytes, end } = this
    const bodyAt = from + 2
    // Hints and conditional code are part of the statement.
    if (bodyAt < end && (bytes[bodyAt] === 33 || bytes[bodyAt] === 43)) return bodyAt + 1
    let at = bodyAt
    while (at + 1 < end && !(bytes[at] === star && bytes[at + 1] === slash)) at++
    return at + 1 < end ? this.comment(from, bodyAt, at, at + 2) : this.comment(from, bodyAt, end, end)
  }

  /** Comments carry values (trace identities): where literals are masked, comments are left out. */
  private comment(from: number, bodyAt: number, bodyEnd: number, next: number): number {
    if (this.commentCount < maxComments) {
      this.comments[2 * this.commentCount] = bodyAt
      this.comments[2 * this.commentCount + 1] = bodyEnd
      this.commentCount++
    }
    return this.masksLiterals ? this.put(from, next, Fate.drop) : next
  }
}
