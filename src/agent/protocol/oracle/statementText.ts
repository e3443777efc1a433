// Finds the statement in a call to execute: a text with its length before it which begins with a word of SQL. What stands before it
// differs with client and version.

import { latin1Text } from "../latin1.ts"
import { maxStatement } from "../sql/SqlReader.ts"
import { isStatementWord, maxWord } from "../sql/words.ts"

/** Bytes of the call in which the statement may begin. */
const lookahead = 256
const longMark = 0xfe
const maxShort = 252
const maxChunkSize = 4

const nothing = new Uint8Array(0)

/** bytes[at, end) begin like a statement, behind white space, parentheses, labels and comments. */
const beginsStatement = (bytes: Uint8Array, at: number, end: number): boolean => {
  let from = at
  for (;;) {
    while (from < end && (bytes[from] === 40 || (bytes[from] <= 32 && bytes[from] >= 9))) from++
    if (from + 1 >= end || bytes[from] !== 47 || bytes[from + 1] !== 42) break
    const close = latin1Text(bytes, from, end).indexOf("*/", 2)
    if (close < 0) return true
    from += close + 2
  }
  let stop = from
  while (stop < end && stop - from <= maxWord && (bytes[stop] | 32) >= 97 && (bytes[stop] | 32) <= 122) stop++
  return isStatementWord(latin1Text(bytes, from, stop).toUpperCase())
}

/** Chunks with lengths of one byte, up to an empty one. */
const joinChunks = (bytes: Uint8Array, at: number, end: number): Uint8Array => {
  const text = new Uint8Array(maxStatement)
  let length = 0
  let from = at
  while (from < end && bytes[from] !== 0 && length < maxStatement) {
    const chunk = bytes
      .subarray(from + 1, Math.min(end, from + 1 + bytes[from]))
      .subarray(0, maxStatement - length)
    text.set(chunk, length)
    length += chunk.length
    from += 1 + bytes[from]
  }
  return text.subarray(0, length)
}

/** The statement in bytes[at, end), or its beginning; empty when there is none. */
export const statementText = (bytes: Uint8Array, at: number, end: number): Uint8Array => {
  const stop = Math.min(end, at + lookahead)
  for (let i = at; i < stop; i++) {
    const length = bytes[i]
    if (length > 2 && length <= maxShort) {
      if (i + 1 + length <= end && beginsStatement(bytes, i + 1, i + 1 + length))
        return bytes.subarray(i + 1, i + 1 + length)
    } else if (length === longMark && i + 2 < end) {
      const size = bytes[i + 1]
      const textAt = i + 2 + size
      if (size <= maxChunkSize && beginsStatement(bytes, textAt, end)) {
        let total = 0
        for (let k = i + 2; k < textAt; k++) total = total * 256 + bytes[k]
        return bytes.subarray(textAt, Math.min(end, textAt + total))
      }
      if (beginsStatement(bytes, i + 2, end)) return joinChunks(bytes, i + 1, end)
    }
  }
  return nothing
}
