// The header of a message of CQL (native protocol, section 2): version with direction, flags, stream, opcode, length of the body;
// and the frames of version 5 around messages, whose headers carry a CRC of their own.

import { u32At } from "../framed/ByteReader.ts"

export const headerLength = 9
/** The specification's limit of a body. */
const maxBody = 256 * 1024 * 1024

export const Flag = { compressed: 1, tracing: 2, payload: 4, warnings: 8 } as const
const knownFlags = 0x1f

export const Opcode = {
  error: 0x00,
  startup: 0x01,
  ready: 0x02,
  authenticate: 0x03,
  options: 0x05,
  supported: 0x06,
  query: 0x07,
  result: 0x08,
  prepare: 0x09,
  execute: 0x0a,
  register: 0x0b,
  event: 0x0c,
  batch: 0x0d,
  authChallenge: 0x0e,
  authResponse: 0x0f,
  authSuccess: 0x10,
} as const

const requests: Readonly<Record<number, string>> = {
  [Opcode.startup]: "STARTUP",
  [Opcode.options]: "OPTIONS",
  [Opcode.query]: "QUERY",
  [Opcode.prepare]: "PREPARE",
  [Opcode.execute]: "EXECUTE",
  [Opcode.register]: "REGISTER",
  [Opcode.batch]: "BATCH",
  [Opcode.authResponse]: "AUTH_RESPONSE",
}

const responses: Readonly<Record<number, string>> = {
  [Opcode.error]: "ERROR",
  [Opcode.ready]: "READY",
  [Opcode.authenticate]: "AUTHENTICATE",
  [Opcode.supported]: "SUPPORTED",
  [Opcode.result]: "RESULT",
  [Opcode.event]: "EVENT",
  [Opcode.authChallenge]: "AUTH_CHALLENGE",
  [Opcode.authSuccess]: "AUTH_SUCCESS",
}

export const requestName = (opcode: number): string => requests[opcode] ?? ""
export const responseName = (opcode: number): string => responses[opcode] ?? ""

/** Length of the message whose whole header is at `at`; -1 when it is none of this direction. */
export const envelopeLength = (bytes: Uint8Array, at: number, isRequest: boolean): number => {
  const version = isRequest ? bytes[at] : bytes[at] ^ 0x80
  if (version < 3 || version > 5 || (bytes[at + 1] & ~knownFlags) !== 0) return -1
  const opcode = bytes[at + 4]
  if ((isRequest ? requests[opcode] : responses[opcode]) === undefined) return -1
  // Streams of the client's are not negative; that of events is -1.
  const isEvent = !isRequest && opcode === Opcode.event
  if (bytes[at + 2] >= 0x80 !== isEvent) return -1
  const length = u32At(bytes, at + 5)
  return length > maxBody ? -1 : headerLength + length
}

/** A frame of version 5. */
export interface OuterFrame {
  headerLength: number
  payloadLength: number
  /** Length of the payload when it is compressed, 0 when it is not. */
  textLength: number
}

const trailerLength = 4
const shortHeader = 6
const longHeader = 8

/** CRC-24 as the specification has it: polynomial 0x1974F0B, beginning with 0x875060. */
export const crc24 = (bytes: Uint8Array, start: number, end: number): number => {
  let crc = 0x87_5060
  for (let i = start; i < end; i++) {
    crc ^= bytes[i] << 16
    for (let bit = 0; bit < 8; bit++) {
      crc <<= 1
      if ((crc & 0x100_0000) !== 0) crc ^= 0x197_4f0b
    }
  }
  return crc & 0xff_ffff
}

const u24 = (bytes: Uint8Array, at: number): number =>
  bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16)

/** Reads the frame's header at `at` into `frame`, of which 8 bytes must be there; returns its length, -1 when its CRC is wrong. */
export const outerLength = (bytes: Uint8Array, at: number, frame: OuterFrame): number => {
  if (u24(bytes, at + 3) === crc24(bytes, at, at + 3)) {
    frame.headerLength = shortHeader
    frame.payloadLength = u24(bytes, at) & 0x1_ffff
    frame.textLength = 0
  } else if (u24(bytes, at + 5) === crc24(bytes, at, at + 5)) {
    frame.headerLength = longHeader
    frame.payloadLength = u24(bytes, at) & 0x1_ffff
    frame.textLength = ((u24(bytes, at + 2) >>> 1) & 0x1_ffff) >>> 0
  } else return -1
  return frame.headerLength + frame.payloadLength + trailerLength
}
