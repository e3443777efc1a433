// ZMTP's bytes (versions 3.0 and 3.1, RFC 23 and 37): the greeting, and frames of a flag byte, a length of 1 or 8 bytes, a body.

import { u32At } from "../framed/ByteReader.ts"

export const greetingLength = 64
/** Signature (10) and version (2). */
export const versionAt = 10
export const mechanismAt = 12
export const mechanismLength = 20

export const Flag = { more: 1, long: 2, command: 4 } as const

const signatureFirst = 0xff
const signatureLast = 0x7f
/** Frames of more bytes are not believed. */
const maxHigh = 0x10

/** Of the signature the first and the last byte are fixed, and the length between is small. */
export const isSignature = (bytes: Uint8Array, at: number, end: number): boolean => {
  if (bytes[at] !== signatureFirst) return false
  for (let i = 1; i < 8 && at + i < end; i++) {
    if (bytes[at + i] !== 0) return false
  }
  if (at + 9 < end && bytes[at + 9] !== signatureLast) return false
  // Older versions go on with frames, whose form another byte than 3 announces.
  return at + versionAt >= end || bytes[at + versionAt] === 3
}

/** Length of the frame at bytes[at] with its head; 0 when the bytes are too few, -1 when they begin none. */
export const zmtpFrameLength = (bytes: Uint8Array, at: number, end: number): number => {
  const flags = bytes[at]
  // The three highest bits and the two between are reserved; a command is always whole.
  if (flags > 7 || flags === (Flag.command | Flag.more) || flags === 7) return -1
  const isLong = (flags & Flag.long) !== 0
  if (end - at < (isLong ? 9 : 2)) return 0
  if (!isLong) return 2 + bytes[at + 1]
  const high = u32At(bytes, at + 1)
  return high > maxHigh ? -1 : 9 + high * 2 ** 32 + u32At(bytes, at + 5)
}

export const bodyAt = (bytes: Uint8Array, at: number): number => at + ((bytes[at] & Flag.long) === 0 ? 2 : 9)
