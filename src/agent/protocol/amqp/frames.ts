// Frames of AMQP 0-9-1: type (1), channel (2), size (4), payload, end mark; and the header that opens a connection.

import { u16At, u32At } from "../framed/ByteReader.ts"

export const FrameType = { method: 1, header: 2, body: 3, heartbeat: 8 } as const

export const frameHead = 7
export const frameEnd = 0xce
/** Length of the protocol header, "AMQP" and four numbers. */
export const protocolHeader = 8
/** Brokers negotiate 128 KiB by default; more than this is no frame. */
const maxPayload = 0x100_0000
const letterA = 65

export const isProtocolHeader = (bytes: Uint8Array, at: number): boolean => bytes[at] === letterA

/** "AMQP", 0, 0, 9, 1 and its predecessors 0-9 and 0-8; version 1.0 is another protocol. */
export const isKnownHeader = (bytes: Uint8Array, at: number): boolean =>
  u32At(bytes, at) === 0x414d5150 &&
  ((bytes[at + 4] === 0 && bytes[at + 5] === 0 && bytes[at + 6] === 9 && bytes[at + 7] === 1) ||
    (bytes[at + 4] === 1 && bytes[at + 5] === 1))

/** Whether the seven bytes at `at` may be the head of a frame. */
const isHead = (bytes: Uint8Array, at: number): boolean => {
  const size = u32At(bytes, at + 3)
  switch (bytes[at]) {
    case FrameType.method:
      return size >= 4 && size <= maxPayload
    case FrameType.header:
      return size >= 14 && size <= maxPayload && u16At(bytes, at + 1) !== 0
    case FrameType.body:
      return size <= maxPayload && u16At(bytes, at + 1) !== 0
    case FrameType.heartbeat:
      return size === 0 && u16At(bytes, at + 1) === 0
    default:
      return false
  }
}

/** Length of the frame or protocol header at bytes[at]; 0 when the bytes are too few, -1 when they begin none. */
export const amqpFrameLength = (bytes: Uint8Array, at: number, end: number): number => {
  if (isProtocolHeader(bytes, at)) {
    if (end - at < protocolHeader) return 0
    return isKnownHeader(bytes, at) ? protocolHeader : -1
  }
  const type = bytes[at]
  if (type !== FrameType.heartbeat && (type < FrameType.method || type > FrameType.body)) return -1
  if (end - at < frameHead) return 0
  if (!isHead(bytes, at)) return -1
  const length = frameHead + u32At(bytes, at + 3) + 1
  return at + length <= end && bytes[at + length - 1] !== frameEnd ? -1 : length
}
