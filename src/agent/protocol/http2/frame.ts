// Frames of HTTP/2 (RFC 9113 section 4): types, flags, and which headers of frames can be true ones.
//
//   +-----------------------------------------------+
//   |                 Length (24)                   |
//   +---------------+---------------+---------------+
//   |   Type (8)    |   Flags (8)   |
//   +-+-------------+---------------+-------------------------------+
//   |R|                 Stream Identifier (31)                      |
//   +=+=============================================================+

import { Direction } from "../Protocol.ts"

export const FrameType = {
  data: 0,
  headers: 1,
  priority: 2,
  rstStream: 3,
  settings: 4,
  pushPromise: 5,
  ping: 6,
  goAway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const

export const FrameFlag = { endStream: 0x1, ack: 0x1, endHeaders: 0x4, padded: 0x8, priority: 0x20 } as const

export const frameHeaderLength = 9
export const preface = Uint8Array.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", (c) => c.charCodeAt(0))

export const uint32 = (bytes: Uint8Array, at: number): number =>
  ((bytes[at] << 24) | (bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3]) >>> 0

/** Frames are at most this long unless the receiver asked for longer ones; only data ever is. */
const commonLength = 16 * 1024
const maxHeadersLength = 1024 * 1024
/** Flags that have a meaning, by type; senders leave the others unset. */
const knownFlags = [0x09, 0x2d, 0, 0, 0x01, 0x0c, 0x01, 0, 0, 0x04]

/** Whether a frame with this header may be sent in this direction; types that are not known are allowed when `isStrict` is not set. */
export const isFrameHeader = (
  length: number,
  type: number,
  flags: number,
  stream: number,
  direction: Direction,
  isStrict: boolean,
): boolean => {
  if (type > FrameType.continuation) return !isStrict && length <= commonLength
  if ((flags & ~knownFlags[type]) !== 0 && (isStrict || type === FrameType.headers)) return false
  switch (type) {
    case FrameType.data:
      return stream > 0 && (!isStrict || length <= commonLength)
    case FrameType.headers:
      return (
        stream > 0 &&
        length > 0 &&
        length <= (isStrict ? commonLength : maxHeadersLength) &&
        (direction === Direction.toClient || stream % 2 === 1)
      )
    case FrameType.priority:
      return stream > 0 && length === 5
    case FrameType.rstStream:
      return stream > 0 && length === 4
    case FrameType.settings:
      return (
        stream === 0 && length % 6 === 0 && length <= 600 && ((flags & FrameFlag.ack) === 0 || length === 0)
      )
    case FrameType.pushPromise:
      return direction === Direction.toClient && stream % 2 === 1 && length > 4 && length <= maxHeadersLength
    case FrameType.ping:
      return stream === 0 && length === 8
    case FrameType.goAway:
      return stream === 0 && length >= 8 && length <= commonLength
    case FrameType.windowUpdate:
      return length === 4
    default:
      // A CONTINUATION never begins anything.
      return !isStrict && stream > 0 && length <= maxHeadersLength
  }
}

/** RFC 9113 section 7. */
const errorNames = [
  "NO_ERROR", "PROTOCOL_ERROR", "INTERNAL_ERROR", "FLOW_CONTROL_ERROR", "SETTINGS_TIMEOUT", "STREAM_CLOSED",
  "FRAME_SIZE_ERROR", "REFUSED_STREAM", "CANCEL", "COMPRESSION_ERROR", "CONNECT_ERROR", "ENHANCE_YOUR_CALM",
  "INADEQUATE_SECURITY", "HTTP_1_1_REQUIRED",
] // prettier-ignore

export const errorName = (code: number): string => errorNames[code] ?? `error ${code}`

export const ErrorCode = { none: 0, internal: 2, refusedStream: 7, cancel: 8, connect: 10 } as const
