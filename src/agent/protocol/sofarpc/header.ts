// The head of a Bolt command, SOFARPC's transport (bolt, RpcCommandDecoder and RpcCommandDecoderV2):
//
//   version 1:  0 protocol (1)   1 type   2 command   4 command version   5 id   9 codec   10 timeout, or 10 status
//   version 2:  0 protocol (2)   1 protocol version   2 type   3 command   5 command version   6 id   10 codec   11 switches
//               12 timeout, or 12 status
//   both:       the timeout has 4 bytes, the status 2; then lengths of class name (2), headers (2), content (4);
//               version 2 ends with a CRC of 4 bytes when its protocol version and the switch say so

import { u16At, u32At } from "../framed/ByteReader.ts"

export const CommandType = { response: 0, request: 1, oneWay: 2 } as const
const CommandCode = { heartbeat: 0, request: 1, response: 2 } as const

const commandVersion = 1
const crcVersion = 2
const crcSwitch = 1
const crcBytes = 4
/** Codecs have small numbers: 1 Hessian, 11 Protocol Buffers, 22 Fury. */
const maxCodec = 32
const maxStatus = 32
const maxClassName = 1024
const maxContent = 0x1000_0000
/** Shortest head: a response of version 1. */
export const minHead = 20

/** What the head of one command says; read one at a time, so all connections share one. */
export class BoltHeader {
  protocol = 0
  type = 0
  code = 0
  id = 0
  codec = 0
  status = 0
  headBytes = 0
  classBytes = 0
  headerBytes = 0
  contentBytes = 0
  length = 0

  get isResponse(): boolean {
    return this.type === CommandType.response
  }

  get isHeartbeat(): boolean {
    return this.code === CommandCode.heartbeat
  }

  /** Reads the head at `at`: 1 when it is one, 0 when the bytes are too few, -1 when it is none. */
  read(bytes: Uint8Array, at: number, end: number): number {
    if (at >= end) return 0
    this.protocol = bytes[at]
    if (this.protocol !== 1 && this.protocol !== 2) return -1
    const shift = this.protocol - 1
    if (at + 5 + shift > end) return 0
    if (this.protocol === 2 && bytes[at + 1] !== 1 && bytes[at + 1] !== crcVersion) return -1
    this.type = bytes[at + 1 + shift]
    this.code = u16At(bytes, at + 2 + shift)
    if (!this.isKnown() || bytes[at + 4 + shift] !== commandVersion) return -1
    const lengthsAt = (this.isResponse ? 12 : 14) + 2 * shift
    this.headBytes = lengthsAt + 8
    if (at + this.headBytes > end) return 0
    this.id = u32At(bytes, at + 5 + shift)
    this.codec = bytes[at + 9 + shift]
    this.status = this.isResponse ? u16At(bytes, at + lengthsAt - 2) : 0
    this.classBytes = u16At(bytes, at + lengthsAt)
    this.headerBytes = u16At(bytes, at + lengthsAt + 2)
    this.contentBytes = u32At(bytes, at + lengthsAt + 4)
    const hasCrc = this.protocol === 2 && bytes[at + 1] >= crcVersion && (bytes[at + 11] & crcSwitch) !== 0
    this.length =
      this.headBytes + this.classBytes + this.headerBytes + this.contentBytes + (hasCrc ? crcBytes : 0)
    const isFine =
      this.codec <= maxCodec &&
      this.status <= maxStatus &&
      this.classBytes <= maxClassName &&
      this.contentBytes <= maxContent
    return isFine ? 1 : -1
  }

  /** Type and code go together. */
  private isKnown(): boolean {
    if (this.type === CommandType.response)
      return this.code === CommandCode.response || this.code === CommandCode.heartbeat
    if (this.type === CommandType.request)
      return this.code === CommandCode.request || this.code === CommandCode.heartbeat
    return this.type === CommandType.oneWay && this.code === CommandCode.request
  }
}
