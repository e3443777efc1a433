// Reads what stands at the end of an answer: the outcome of a call with its error, rows and cursor. Numbers are a length and as many
// bytes. Where in an answer it begins is not said: it is where it can be read to the very end.

import { utf8Text } from "../latin1.ts"
import { ByteReader } from "../framed/ByteReader.ts"
import { Kind } from "./calls.ts"

export interface ErrorInfo {
  code: number
  rows: number
  cursor: number
  text: string
}

/** Bytes before the end of an answer in which it may begin. */
const lookback = 600
const maxText = 512
/** Least bytes of it. */
const shortest = 24

const reader = new ByteReader()

const number = (): number => {
  const length = reader.u8()
  if (length > 8) {
    reader.skip(Infinity)
    return 0
  }
  let value = 0
  for (let i = 0; i < length; i++) value = value * 256 + reader.u8()
  return value
}

const skipNumbers = (count: number): void => {
  for (let i = 0; i < count; i++) number()
}

/** Whether the reader stands at the end of the answer, or before the mark of its end. */
const isAtEnd = (): boolean =>
  !reader.isShort &&
  (reader.left === 0 || (reader.left === 1 && reader.bytes[reader.at] === Kind.endOfResponse))

const readText = (): string => {
  const length = reader.u8()
  const from = reader.at
  reader.skip(length)
  return reader.isShort ? "" : utf8Text(reader.bytes, from, from + length)
}

const readAt = (bytes: Uint8Array, at: number, end: number, extra: number): ErrorInfo | undefined => {
  reader.reset(bytes, at + 1, end)
  // Status of the call, sequence, row, error, and twice that of an array's element.
  skipNumbers(6)
  const cursor = number()
  number()
  reader.skip(6)
  // Row id: object, file, a byte, block, slot.
  skipNumbers(2)
  reader.skip(1)
  skipNumbers(2)
  number()
  reader.skip(2)
  skipNumbers(2)
  // A logical row id, and the errors of a batch, are rare: then nothing is read.
  if (number() !== 0 || number() !== 0 || number() !== 0 || number() !== 0) return undefined
  const code = number()
  const rows = number()
  skipNumbers(extra)
  const text = code === 0 || reader.left === 0 ? "" : readText()
  return isAtEnd() && (code === 0 || text.startsWith("ORA-")) ? { code, rows, cursor, text } : undefined
}

/** `ORA-nnnnn: text` with its length before it, at the end of an answer in a form that is not known. */
const readLoosely = (bytes: Uint8Array, start: number, end: number): ErrorInfo | undefined => {
  const from = Math.max(start, end - lookback)
  for (let i = end - 10; i > from; i--) {
    if (bytes[i] !== 79 || bytes[i + 1] !== 82 || bytes[i + 2] !== 65 || bytes[i + 3] !== 45) continue
    const rest = end - i
    if (bytes[i - 1] > rest || bytes[i - 1] + 4 < rest) continue
    const text = utf8Text(bytes, i, i + bytes[i - 1])
    const code = /^ORA-(\d{5}):/.exec(text)
    if (code !== null) return { code: Number(code[1]), rows: -1, cursor: 0, text }
  }
  return undefined
}

/** The outcome at the end of bytes[start, end). */
export const readErrorInfo = (bytes: Uint8Array, start: number, end: number): ErrorInfo | undefined => {
  for (let at = Math.max(start, end - lookback); at <= end - shortest; at++) {
    if (bytes[at] !== Kind.error) continue
    // Since version 20 two more numbers stand before the text.
    const info = readAt(bytes, at, end, 0) ?? readAt(bytes, at, end, 2)
    if (info !== undefined) return { ...info, text: info.text.slice(0, maxText).trim() }
  }
  return readLoosely(bytes, start, end)
}
