// Does a run of bytes begin with a Thrift message: binary, binary without a version, compact, each with a frame or without, or in
// the header protocol?

import { ByteReader, u16At, u32At } from "../framed/ByteReader.ts"
import { Evidence } from "../Protocol.ts"
import {
  binaryMark,
  compactMark,
  compactVersion,
  headerMark,
  isName,
  isRequestType,
  maxLengthByte,
  maxName,
  MessageType,
} from "./wire.ts"

const lookahead = 64
const reader = new ByteReader()

const sideOf = (type: number): Evidence => {
  if (type < MessageType.call || type > MessageType.oneway) return Evidence.none
  return isRequestType(type) ? Evidence.request : Evidence.response
}

/** 80 01 00 type, name, sequence number. */
const detectBinary = (bytes: Uint8Array, at: number, stop: number): Evidence => {
  if (at + 9 > stop) return Evidence.unclear
  if (bytes[at + 1] !== 1) return Evidence.none
  const length = u32At(bytes, at + 4)
  if (length === 0 || length > maxName || !isName(bytes, at + 8, Math.min(stop, at + 8 + length)))
    return Evidence.none
  return sideOf(bytes[at + 3])
}

/** Length of the name, name, type, sequence number, and a field or none. */
const detectOld = (bytes: Uint8Array, at: number, stop: number): Evidence => {
  if (at + 4 > stop) return Evidence.unclear
  const length = u32At(bytes, at)
  const nameAt = at + 4
  const nameEnd = nameAt + length
  // Without a mark the name must be whole.
  if (length < 2 || nameEnd + 6 > stop || !isName(bytes, nameAt, nameEnd)) return Evidence.none
  const field = bytes[nameEnd + 5]
  const isField = field === 0 || (field >= 2 && field <= 16)
  return isField ? sideOf(bytes[nameEnd]) : Evidence.none
}

const detectCompact = (bytes: Uint8Array, at: number, stop: number): Evidence => {
  if (at + 4 > stop) return Evidence.unclear
  if ((bytes[at + 1] & 0x1f) !== compactVersion) return Evidence.none
  reader.reset(bytes, at + 2, stop)
  reader.varint()
  const length = reader.varint()
  if (reader.isShort) return Evidence.unclear
  const end = reader.at + length
  if (length < 2 || length > maxName || !isName(bytes, reader.at, Math.min(stop, end))) return Evidence.none
  return reader.at === stop ? Evidence.unclear : sideOf(bytes[at + 1] >>> 5)
}

/** Magic, flags, sequence number, words of the header; the message is behind them. */
const detectHeader = (bytes: Uint8Array, at: number, stop: number): Evidence => {
  if (at + 12 > stop) return Evidence.unclear
  const words = u16At(bytes, at + 8)
  // Protocol and number of transforms.
  if (bytes[at + 1] !== 0xff || words === 0 || bytes[at + 10] > 2 || bytes[at + 11] > 4) return Evidence.none
  const messageAt = at + 10 + 4 * words
  if (bytes[at + 11] > 0 || messageAt + 9 > stop) return Evidence.either
  const evidence = detectMessage(bytes, messageAt, stop)
  return evidence === Evidence.unclear ? Evidence.either : evidence
}

const detectMessage = (bytes: Uint8Array, at: number, stop: number): Evidence => {
  if (at >= stop) return Evidence.unclear
  if (bytes[at] === binaryMark) return detectBinary(bytes, at, stop)
  return bytes[at] === compactMark ? detectCompact(bytes, at, stop) : Evidence.none
}

export const detectThrift = (bytes: Uint8Array, start: number, end: number): Evidence => {
  const stop = Math.min(end, start + lookahead)
  if (stop <= start) return Evidence.unclear
  if (bytes[start] >= binaryMark) return detectMessage(bytes, start, stop)
  if (bytes[start] > maxLengthByte) return Evidence.none
  if (stop - start < 5) return Evidence.unclear
  const length = u32At(bytes, start)
  const at = start + 4
  const first = bytes[at]
  if (first === binaryMark || first === compactMark || first === headerMark || first === 0) {
    if (length < 6) return Evidence.none
    if (first === headerMark) return detectHeader(bytes, at, stop)
    return first === 0 ? detectOld(bytes, at, stop) : detectMessage(bytes, at, stop)
  }
  return detectOld(bytes, start, stop)
}
