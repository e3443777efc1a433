// Headers of WebSocket frames (RFC 6455 section 5.2).
//
//   |F|R|R|R| opcode|M| length (7)  | extended length (16 or 64, when length is 126 or 127) | masking key (32, when M) |

import { Direction } from "../Protocol.ts"

export const Opcode = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const

export const maxHeader = 14
const maxControlLength = 125
/** Lengths stay exact up to here; no frame is longer. */
const maxLength = 2 ** 50

/** Bytes that the header takes whose first two bytes these are. */
export const headerLength = (second: number): number => {
  const length = second & 0x7f
  return 2 + (length === 126 ? 2 : length === 127 ? 8 : 0) + (second < 0x80 ? 0 : 4)
}

/** May these two bytes begin a frame of this direction? Only clients mask; of the reserved bits one has a use (compression). */
export const mayBegin = (first: number, second: number, direction: Direction): boolean => {
  if ((first & 0x30) !== 0 || second >= 0x80 !== (direction === Direction.toServer)) return false
  const opcode = first & 0x0f
  if (opcode <= Opcode.binary) return true
  return (
    opcode >= Opcode.close &&
    opcode <= Opcode.pong &&
    (first & 0xc0) === 0x80 &&
    (second & 0x7f) <= maxControlLength
  )
}

/** The payload's length in a complete header, -1 when it is not the shortest form or beyond all reason. */
export const payloadLength = (header: Uint8Array, at: number): number => {
  const short = header[at + 1] & 0x7f
  if (short < 126) return short
  const bytes = short === 126 ? 2 : 8
  let length = 0
  for (let i = 0; i < bytes; i++) length = length * 256 + header[at + 2 + i]
  return length < (bytes === 2 ? 126 : 65_536) || length > maxLength ? -1 : length
}

/** After a loss: whether frames of this direction begin here, as far as bytes[start, end) reach. */
export const mayBeginFrames = (
  bytes: Uint8Array,
  start: number,
  end: number,
  direction: Direction,
): boolean => {
  let at = start
  while (at + 2 <= end) {
    if (!mayBegin(bytes[at], bytes[at + 1], direction)) return false
    const length = headerLength(bytes[at + 1])
    if (at + length > end) return at > start
    const payload = payloadLength(bytes, at)
    if (payload < 0) return false
    at += length + payload
  }
  return at > start
}
