// Does a run of bytes begin a MongoDB message? Length, operation and what must follow it are strong together.

import { Evidence } from "../Protocol.ts"
import { i32, nulAt, u32 } from "./BsonReader.ts"
import { headerLength, messageLength, Operation, operationName } from "./header.ts"

const lookahead = 64
/** checksumPresent, moreToCome, exhaustAllowed. */
const knownFlags = 0x10003

const isElementType = (type: number): boolean => (type >= 1 && type <= 0x13) || type === 0x7f || type === 0xff

const isDocument = (bytes: Uint8Array, at: number, stop: number, most: number): boolean => {
  if (at + 5 > stop) return false
  const length = u32(bytes, at)
  if (length < 5 || length > most) return false
  return length === 5 ? bytes[at + 4] === 0 : isElementType(bytes[at + 4])
}

const fits = (bytes: Uint8Array, start: number, stop: number, length: number): boolean => {
  const at = start + headerLength
  switch (i32(bytes, start + 12)) {
    case Operation.msg: {
      if (at + 10 > stop || (u32(bytes, at) & ~knownFlags) !== 0) return false
      if (bytes[at + 4] === 0) return isDocument(bytes, at + 5, stop, length - headerLength - 5)
      return bytes[at + 4] === 1 && u32(bytes, at + 5) <= length - headerLength - 5
    }
    case Operation.query: {
      if (at + 8 > stop || u32(bytes, at) > 0xff) return false
      const nameEnd = nulAt(bytes, at + 4, stop)
      for (let i = at + 4; i < nameEnd; i++) if (bytes[i] <= 0x20) return false
      return nameEnd > at + 5
    }
    case Operation.reply:
      return (
        at + 20 <= stop && u32(bytes, at) < 16 && u32(bytes, at + 16) < 100_000 && u32(bytes, start + 8) !== 0
      )
    case Operation.compressed:
      return (
        at + 9 <= stop &&
        bytes[at + 8] <= 3 &&
        operationName(i32(bytes, at)) !== undefined &&
        i32(bytes, at) !== 2012
      )
    default:
      return at + 8 <= stop && u32(bytes, at) === 0
  }
}

export const detectMongodb = (bytes: Uint8Array, start: number, end: number): Evidence => {
  const stop = Math.min(end, start + lookahead)
  if (stop === start) return Evidence.unclear
  if (stop - start < headerLength + 8) return Evidence.none
  const length = messageLength(bytes, start)
  if (length < 0 || !fits(bytes, start, stop, length)) return Evidence.none
  const operation = i32(bytes, start + 12)
  if (operation === Operation.reply) return Evidence.response
  return u32(bytes, start + 8) === 0
    ? Evidence.request
    : operation >= Operation.compressed
      ? Evidence.response
      : Evidence.none
}
