// Memcached's binary protocol: 24 bytes of header, extras, key, value. Pairs by the opaque number where a client sets it, else
// in order; quiet commands are one-way. Bound: 1 KiB of one message for each direction.

import { RecordType, ResponseStatus } from "../../../model/L7Session.ts"
import { L7Protocol } from "../../../model/protocol.ts"
import { u16At, u32At } from "../framed/ByteReader.ts"
import { type Frame, FramedConnection, noFrame, undecided } from "../framed/FramedConnection.ts"
import { utf8Text } from "../latin1.ts"
import { Direction } from "../Protocol.ts"
import { binaryName, isQuietName, stat, statusOfCode } from "./binaryCommands.ts"
import { maxData } from "./words.ts"

export const binaryHeader = 24
export const requestMagic = 0x80
export const responseMagic = 0x81
const maxKey = 250

/** Length of the message at `at`: `noFrame` when its header makes no sense. */
export const binaryLength = (bytes: Uint8Array, at: number, end: number, magic: number): number => {
  if (at >= end) return undecided
  if (bytes[at] !== magic) return noFrame
  if (end - at < binaryHeader) return undecided
  const body = u32At(bytes, at + 8)
  const parts = u16At(bytes, at + 2) + bytes[at + 4]
  const isFine =
    binaryName(bytes[at + 1]) !== undefined && bytes[at + 5] === 0 && parts <= body && body <= maxData
  return isFine ? binaryHeader + body : noFrame
}

export class MemcachedBinary extends FramedConnection {
  private outstanding = 0

  protected frameLength(direction: Direction, bytes: Uint8Array, at: number, end: number): number {
    return binaryLength(bytes, at, end, direction === Direction.toServer ? requestMagic : responseMagic)
  }

  protected mayBegin(direction: Direction, bytes: Uint8Array, start: number, end: number): boolean {
    return this.frameLength(direction, bytes, start, end) > 0
  }

  protected lost(direction: Direction): void {
    if (direction === Direction.toClient && this.outstanding === 0) return
    this.outstanding = 0
    this.sink.desync(direction)
  }

  protected read(frame: Frame): boolean {
    const { bytes, start } = frame
    const name = binaryName(bytes[start + 1]) ?? ""
    const isRequest = frame.direction === Direction.toServer
    const keyLength = u16At(bytes, start + 2)
    // Statistics end with one that has no name.
    if (!isRequest && bytes[start + 1] === stat && keyLength > 0) return true
    const type = isRequest ? RecordType.request : RecordType.response
    const message = this.messageOf(frame, type, L7Protocol.memcached)
    const opaque = u32At(bytes, start + 12)
    message.length = frame.length
    message.isAsync = isQuietName(name) || name === "quit"
    if (opaque !== 0) message.requestId = opaque
    if (isRequest) {
      const keyAt = start + binaryHeader + bytes[start + 4]
      const key = utf8Text(bytes, keyAt, Math.min(keyAt + Math.min(keyLength, maxKey), frame.end))
      message.requestType = message.endpoint = name
      message.requestResource = key === "" || name.startsWith("sasl") ? name : `${name} ${key}`
      if (!message.isAsync) this.outstanding++
      this.stats.requests++
    } else {
      const code = u16At(bytes, start + 6)
      message.code = code
      message.status = statusOfCode(code)
      const valueAt = start + binaryHeader + bytes[start + 4] + keyLength
      if (message.status !== ResponseStatus.ok)
        message.exception = utf8Text(bytes, valueAt, Math.min(valueAt + 128, frame.end))
      if (!message.isAsync && this.outstanding > 0) this.outstanding--
      this.stats.responses++
    }
    this.sink.message(message)
    return true
  }
}
