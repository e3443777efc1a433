// Does a run of bytes begin with frames of HTTP/2? Only the client's preface and header blocks say which side sent them.

import { Direction, Evidence } from "../Protocol.ts"
import { Field, staticCount, staticFields } from "./fields.ts"
import { frameHeaderLength, FrameFlag, FrameType, isFrameHeader, preface } from "./frame.ts"

const lookahead = 64
/** Bytes of the preface that no other protocol begins with: "PRI * HTTP/2.0". */
const prefaceMark = 14
/** Settings have small identifiers (RFC 9113 and its extensions), or 0xfe03 and near it (gRPC's core). */
const isSetting = (high: number, low: number): boolean =>
  (high === 0 && low <= 0x10) || (high === 0xfe && low <= 0x0f)

const detectPreface = (bytes: Uint8Array, start: number, end: number): Evidence => {
  const length = Math.min(preface.length, end - start)
  for (let i = 0; i < length; i++) {
    if (bytes[start + i] !== preface[i]) return Evidence.none
  }
  return length >= prefaceMark ? Evidence.request : Evidence.unclear
}

/** Position behind an integer with this prefix (RFC 7541 section 5.1) of a short block, or -1. */
const afterInteger = (bytes: Uint8Array, at: number, end: number, prefix: number): number => {
  const most = (1 << prefix) - 1
  if ((bytes[at] & most) < most) return at + 1
  for (let i = at + 1; i < end && i < at + 4; i++) {
    if (bytes[i] < 0x80) return i + 1
  }
  return -1
}

/** The same behind a string, -2 when it goes on behind `end`. */
const afterString = (bytes: Uint8Array, at: number, end: number): number => {
  if (at >= end) return -2
  const length = bytes[at] & 0x7f
  if (length === 0x7f) return -2
  return at + 1 + length > end ? -2 : at + 1 + length
}

/** What the first field of a header block with a name from the static table says: pseudo-header fields come first. */
const sideOfBlock = (bytes: Uint8Array, start: number, end: number, isLast: boolean): Evidence => {
  let at = start
  while (at < end) {
    const c = bytes[at]
    const prefix = c >= 0x80 ? 7 : c >= 0x40 ? 6 : c >= 0x20 ? 5 : 4
    const index = c & ((1 << prefix) - 1)
    if (prefix !== 5) {
      if (c === 0x80) return Evidence.none
      const field = index > 0 && index <= staticCount ? staticFields[index] : -1
      if (index > 0 && index <= 7) return Evidence.request
      if (field === Field.status) return Evidence.response
      // All bits set: the index goes on in the next byte, beyond the pseudo-header fields.
      const isLong = index === (1 << prefix) - 1
      if (index > 0 && index <= staticCount && !isLong) return Evidence.none
    } else if (at !== start && bytes[start] >= 0x40) return Evidence.none
    at = afterInteger(bytes, at, end, prefix)
    if (at < 0) return Evidence.none
    if (prefix === 7 || prefix === 5) continue
    if (index === 0) {
      // A name that is written out: Huffman code, ":protocol", or a field of trailers, which have no pseudo-header fields.
      const c0 = at + 1 < end ? bytes[at + 1] : 0
      const isTrailer = isLast && c0 >= 97 && c0 <= 122
      if (at + 1 < end && bytes[at] < 0x80 && c0 !== 58 && !isTrailer) return Evidence.none
      at = afterString(bytes, at, end)
      if (at === -2) return Evidence.unclear
    }
    at = afterString(bytes, at, end)
    if (at === -2) return Evidence.unclear
  }
  return Evidence.unclear
}

const areSettings = (bytes: Uint8Array, start: number, end: number): boolean => {
  for (let at = start; at + 2 <= end; at += 6) {
    if (!isSetting(bytes[at], bytes[at + 1])) return false
  }
  return true
}

/** The beginning of a frame's header: as far as it is there, length, type and flags go together. */
const mayBeHeader = (bytes: Uint8Array, at: number, end: number): boolean => {
  if (at + 2 <= end && bytes[at + 1] > 0x40) return false
  if (at + 4 > end) return true
  const length = (bytes[at] << 16) | (bytes[at + 1] << 8) | bytes[at + 2]
  const type = bytes[at + 3]
  const flags = at + 4 < end ? bytes[at + 4] : 0
  return (
    isFrameHeader(length, type, flags, 0, Direction.toClient, true) ||
    isFrameHeader(length, type, flags, 1, Direction.toClient, true)
  )
}

/** Walks frames: the first header block decides, of other frames each must be possible. */
const detectFrames = (bytes: Uint8Array, start: number, end: number): Evidence => {
  let at = start
  while (at < end) {
    // Frames longer than 64 KiB are rare, and none begins a conversation.
    if (bytes[at] !== 0) return Evidence.none
    if (at + frameHeaderLength > end)
      return at > start || mayBeHeader(bytes, at, end) ? Evidence.unclear : Evidence.none
    const length = (bytes[at] << 16) | (bytes[at + 1] << 8) | bytes[at + 2]
    const type = bytes[at + 3]
    const flags = bytes[at + 4]
    const stream =
      ((bytes[at + 5] << 24) | (bytes[at + 6] << 16) | (bytes[at + 7] << 8) | bytes[at + 8]) >>> 0
    if (stream >= 0x8000_0000 || !isFrameHeader(length, type, flags, stream, Direction.toClient, true))
      return Evidence.none
    const payloadAt = at + frameHeaderLength
    const payloadEnd = Math.min(end, payloadAt + length)
    if (type === FrameType.headers) {
      const skipped =
        ((flags & FrameFlag.padded) === 0 ? 0 : 1) + ((flags & FrameFlag.priority) === 0 ? 0 : 5)
      const isLast = (flags & FrameFlag.endStream) !== 0
      const side = sideOfBlock(bytes, payloadAt + skipped, payloadEnd, isLast)
      return side === Evidence.request && stream % 2 === 0 ? Evidence.none : side
    }
    if (type === FrameType.settings && !areSettings(bytes, payloadAt, payloadEnd)) return Evidence.none
    if (type === FrameType.windowUpdate && payloadAt < payloadEnd && bytes[payloadAt] >= 0x80)
      return Evidence.none
    at = payloadAt + length
  }
  return Evidence.unclear
}

export const detectHttp2 = (bytes: Uint8Array, start: number, end: number): Evidence => {
  const stop = Math.min(end, start + lookahead)
  if (stop <= start) return Evidence.unclear
  if (bytes[start] === preface[0]) return detectPreface(bytes, start, stop)
  return detectFrames(bytes, start, stop)
}

/** After a loss: whether frames that `direction` may send begin here. Nothing shorter than a frame's header does. */
export const mayBeginFrames = (
  bytes: Uint8Array,
  start: number,
  end: number,
  direction: Direction,
): boolean => {
  if (end - start < frameHeaderLength || bytes[start] !== 0) return false
  const evidence = detectFrames(bytes, start, Math.min(end, start + lookahead))
  if (evidence === Evidence.none) return false
  return (
    evidence === Evidence.unclear || (evidence === Evidence.request) === (direction === Direction.toServer)
  )
}
