// Where a message of PostgreSQL ends, and whether bytes begin one.

import { u32At } from "../framed/ByteReader.ts"
import { noFrame, undecided } from "../framed/FramedConnection.ts"
import { bodyLength, isClientType, isServerType, isStartCode, maxLength } from "./messages.ts"

export const typedHeader = 5
export const startHeader = 8
/** PostgreSQL's own limit of a startup packet. */
const longestStart = 10_000

const query = 0x51
const parse = 0x50

/** Length of the message of one side at `at`; `undecided` when its header is not whole, `noFrame` when it is none. */
export const messageLength = (isClient: boolean, bytes: Uint8Array, at: number, end: number): number => {
  if (at >= end) return undecided
  const type = bytes[at]
  if (isClient && type === 0) {
    if (end - at < startHeader) return undecided
    const length = u32At(bytes, at)
    return length >= startHeader && length <= longestStart && isStartCode(u32At(bytes, at + 4))
      ? length
      : noFrame
  }
  if (!(isClient ? isClientType(type) : isServerType(type))) return noFrame
  return typedLength(bytes, at, end, isClient ? -1 : bodyLength(type))
}

/** The same of a message whose type is known; `body`: the length that its body must have, -1: any. */
export const typedLength = (bytes: Uint8Array, at: number, end: number, body: number): number => {
  if (end - at < typedHeader) return undecided
  const length = u32At(bytes, at + 1)
  return length >= 4 && length <= maxLength && (body < 0 || body === length - 4) ? length + 1 : noFrame
}

/** Stronger, for use after a loss. */
export const mayBegin = (isClient: boolean, bytes: Uint8Array, start: number, end: number): boolean => {
  const length = messageLength(isClient, bytes, start, end)
  if (length === noFrame || length === undecided) return false
  const next = start + length
  // The next message begins there too, or the run ends with this one, or it is a statement.
  if (next === end) return true
  if (next < end) {
    const following = messageLength(isClient, bytes, next, end)
    return following !== noFrame && (following !== undecided || end - next < typedHeader)
  }
  return isClient && (bytes[start] === query || bytes[start] === parse)
}
