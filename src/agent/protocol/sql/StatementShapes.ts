// The shapes of the statements that were read before: their bytes with a mark for each literal that was masked. Programs send the
// same shapes over and over with other literals, and comparing costs a fraction of reading (sql.bench.ts). What the reader does
// between literals does not depend on their values, so equal shapes give equal results.
// Bound: 256 shapes of at most 1 KiB with their texts; of those that share a set, those that are met least go first.

import type { SqlDialect } from "./dialect.ts"
import { apostrophe, doubleQuote, isDigit, numberEnd, quotedEnd, wordBytes } from "./literals.ts"
import type { PreparedStatement } from "./StatementCache.ts"

/** What the reader found in a statement. */
export interface StatementShape {
  readonly statement: PreparedStatement
  readonly keyword: string
  readonly table: string
  /** The statement with a byte for each literal, at the positions of `marks`. */
  readonly kept: Uint8Array
  readonly marks: Uint16Array
}

const sets = 64
const ways = 4
/** Of statements that are not known one in so many is remembered: those that come once would cost more than the others save. */
const admitted = 8
const maxKept = 1024
export const maxMarks = 64

/** Bytes that choose the set: some of what follows the first word. Shapes that differ only elsewhere share a set. */
const keyFrom = 7
const keyTo = 23
const keyStep = 3
/** So many last bytes are compared first: most shapes that begin alike do not end alike. */
const tail = 8

export class StatementShapes {
  private readonly sets: ReadonlyArray<Array<StatementShape>> = Array.from({ length: sets }, () => [])
  private readonly dialect: SqlDialect
  private unknown = 0

  constructor(dialect: SqlDialect) {
    this.dialect = dialect
  }

  /** The shape of the statement bytes[start, end), if it is known and has no NUL. */
  find(bytes: Uint8Array, start: number, end: number): StatementShape | undefined {
    const set = this.setOf(bytes, start, end)
    for (let way = 0; way < set.length; way++) {
      const shape = set[way]
      if (!this.matches(shape, bytes, start, end)) continue
      if (way > 0) {
        set[way] = set[way - 1]
        set[way - 1] = shape
      }
      return shape
    }
    return undefined
  }

  /** Whether the statement that was just not found is to be remembered. */
  admits(): boolean {
    return this.unknown++ % admitted === 0
  }

  /**
   * Remembers what was found in bytes[start, end): `kept` with a mark at each of `marks`. Not where a literal touches a word:
   * there another literal could become a part of the word.
   */
  add(bytes: Uint8Array, start: number, end: number, shape: StatementShape): void {
    const { kept, marks } = shape
    if (kept.length > maxKept || kept.includes(0)) return
    for (const mark of marks) if (mark > 0 && wordBytes[kept[mark - 1]] === 1) return
    const set = this.setOf(bytes, start, end)
    if (set.length < ways) set.push(shape)
    else set[ways - 1] = shape
  }

  private setOf(bytes: Uint8Array, start: number, end: number): Array<StatementShape> {
    const to = Math.min(end, start + keyTo)
    let hash = 0
    for (let i = start + keyFrom; i < to; i += keyStep) {
      const c = bytes[i]
      // A literal, maybe: what follows may differ.
      if (c === apostrophe || c === doubleQuote || isDigit(c)) break
      hash = (hash << 5) - hash + c
    }
    return this.sets[(hash ^ (hash >>> 8)) & (sets - 1)]
  }

  private matches(shape: StatementShape, bytes: Uint8Array, start: number, end: number): boolean {
    const { kept, marks } = shape
    const { length } = kept
    const count = marks.length
    const lastRun = length - (count === 0 ? 0 : marks[count - 1] + 1)
    if (end - start < length) return false
    for (let i = Math.min(lastRun, tail); i > 0; i--) if (kept[length - i] !== bytes[end - i]) return false
    let at = start
    let i = 0
    for (let mark = 0; mark < count; mark++) {
      const runEnd = marks[mark]
      if (at + runEnd - i >= end) return false
      while (i < runEnd) if (kept[i++] !== bytes[at++]) return false
      i++
      at = this.literalEnd(bytes, at, end)
      if (at < 0) return false
    }
    if (end - at !== lastRun) return false
    while (at < end) if (kept[i++] !== bytes[at++]) return false
    return true
  }

  /** End of the literal at `at`; -1 when there is none of the common kinds, or it has a NUL. */
  private literalEnd(bytes: Uint8Array, at: number, end: number): number {
    const c = bytes[at]
    if (isDigit(c)) return numberEnd(bytes, at, end)
    if (c !== apostrophe && (c !== doubleQuote || !this.dialect.doubleQuotesText)) return -1
    const stop = quotedEnd(bytes, at, end, c, this.dialect.backslashes)
    for (let i = at; i < stop; i++) if (bytes[i] === 0) return -1
    return stop
  }
}
