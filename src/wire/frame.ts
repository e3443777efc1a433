// Frames on the stream (docs/specs/wire.md, Frame): a 16-byte header and a payload. The reader gives the same frames for every
// split of the stream, holds at most one frame's bytes, grows by what arrived and never by what a header promises.

import { crc32 } from "node:zlib"
import { controlPayloadMost, framePayloadMost, protocolVersion, statusPayloadMost } from "./limits.ts"

export const frameHeaderBytes = 16

export const FrameType = {
  hello: 1,
  welcome: 2,
  batch: 3,
  ack: 4,
  nack: 5,
  ping: 6,
  pong: 7,
  status: 8,
} as const

export type FrameType = (typeof FrameType)[keyof typeof FrameType]

export interface FrameHeader {
  readonly type: FrameType
  readonly payloadBytes: number
}

export type FrameProblem = "magic" | "version" | "type" | "flags" | "length" | "checksum"

export type PayloadLimits = (type: FrameType) => number

/** Before WELCOME nothing but small control messages is taken. */
export const unknownPeerLimits: PayloadLimits = () => controlPayloadMost

export const knownPeerLimits: PayloadLimits = (type) =>
  type === FrameType.batch
    ? framePayloadMost
    : type === FrameType.status
      ? statusPayloadMost
      : controlPayloadMost

/** "SNDE" */
const magic = 0x45_44_4e_53
const noPayload = new Uint8Array(0)

/** The checksum covers type, flags, length and payload: bytes 4 to 12 and from 16 on. */
const checksum = (header: Uint8Array, payload: Uint8Array): number =>
  crc32(payload, crc32(header.subarray(4, 12)))

export const encodeFrame = (type: FrameType, payload: Uint8Array = noPayload): Buffer => {
  const frame = Buffer.allocUnsafeSlow(frameHeaderBytes + payload.length)
  frame.writeUInt32LE(magic, 0)
  frame[4] = protocolVersion
  frame[5] = type
  frame.writeUInt16LE(0, 6)
  frame.writeUInt32LE(payload.length, 8)
  frame.set(payload, frameHeaderBytes)
  frame.writeUInt32LE(checksum(frame, payload), 12)
  return frame
}

const readHeader = (bytes: Buffer, limits: PayloadLimits): FrameHeader | FrameProblem => {
  if (bytes.readUInt32LE(0) !== magic) return "magic"
  if (bytes[4] !== protocolVersion) return "version"
  const type = bytes[5] as FrameType
  if (type < FrameType.hello || type > FrameType.status) return "type"
  if (bytes.readUInt16LE(6) !== 0) return "flags"
  const payloadBytes = bytes.readUInt32LE(8)
  return payloadBytes > limits(type) ? "length" : { type, payloadBytes }
}

const smallBuffer = 64 * 1024

export class FrameReader {
  /** What a payload of each type may measure; checked when its header is read. */
  limits: PayloadLimits
  private buffer = Buffer.allocUnsafeSlow(smallBuffer)
  private start = 0
  private end = 0
  private current: FrameHeader | undefined
  private problem: FrameProblem | undefined

  constructor(limits: PayloadLimits = knownPeerLimits) {
    this.limits = limits
  }

  get bufferedBytes(): number {
    return this.end - this.start
  }

  push(chunk: Uint8Array): void {
    if (this.end + chunk.length > this.buffer.length) this.room(chunk.length)
    this.buffer.set(chunk, this.end)
    this.end += chunk.length
  }

  /** The header of the frame at hand, as often as asked; undefined: more bytes are needed. A problem is final. */
  header(): FrameHeader | FrameProblem | undefined {
    if (this.problem !== undefined) return this.problem
    if (this.current !== undefined) return this.current
    if (this.bufferedBytes < frameHeaderBytes) return undefined
    const header = readHeader(this.buffer.subarray(this.start, this.end), this.limits)
    if (typeof header === "string") this.problem = header
    else this.current = header
    return header
  }

  /** The payload of the frame at hand, a copy, which ends the frame; undefined: more bytes are needed. */
  payload(): Buffer | FrameProblem | undefined {
    const header = this.header()
    if (header === undefined || typeof header === "string") return header
    const payloadStart = this.start + frameHeaderBytes
    const payloadEnd = payloadStart + header.payloadBytes
    if (this.end < payloadEnd) return undefined
    const payload = Buffer.allocUnsafeSlow(header.payloadBytes)
    payload.set(this.buffer.subarray(payloadStart, payloadEnd))
    const head = this.buffer.subarray(this.start, payloadStart)
    if (checksum(head, payload) !== head.readUInt32LE(12)) return (this.problem = "checksum")
    this.start = payloadEnd
    this.current = undefined
    if (this.start === this.end) {
      this.start = this.end = 0
      if (this.buffer.length > 16 * smallBuffer) this.buffer = Buffer.allocUnsafeSlow(smallBuffer)
    }
    return payload
  }

  private room(bytes: number): void {
    const held = this.bufferedBytes
    const target =
      held + bytes <= this.buffer.length
        ? this.buffer
        : Buffer.allocUnsafeSlow(Math.max(this.buffer.length * 2, held + bytes))
    this.buffer.copy(target, 0, this.start, this.end)
    this.buffer = target
    this.start = 0
    this.end = held
  }
}

/** The payload of a file that holds exactly one frame. */
export const readFrame = (
  bytes: Uint8Array,
): { readonly type: FrameType; readonly payload: Buffer } | undefined => {
  const reader = new FrameReader()
  reader.push(bytes)
  const header = reader.header()
  const payload = reader.payload()
  if (
    header === undefined ||
    typeof header === "string" ||
    payload === undefined ||
    typeof payload === "string"
  ) {
    return undefined
  }
  return reader.bufferedBytes === 0 ? { type: header.type, payload } : undefined
}
