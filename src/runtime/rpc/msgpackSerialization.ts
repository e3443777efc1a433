// How RPC messages look on a connection: a length (u32, little-endian) and that many bytes of MessagePack. What a peer sends is
// checked before it is decoded: a length beyond the limit or bytes that are no plain MessagePack end the connection.

import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as RpcSerialization from "effect/rpc/RpcSerialization"
import { Packr, Unpackr } from "msgpackr"
import { isPlainMsgpack } from "./plainMsgpack.ts"

export const messageBytesMost = 4 * 1_024 * 1_024
/** Values in one message. */
const itemsMost = 1_000_000

const packr = new Packr({ useRecords: false, variableMapSize: true })
const unpackr = new Unpackr({ useRecords: false, int64AsType: "number" })

/** msgpackr throws for keys that are no texts. */
const unpack = (body: Buffer): unknown => {
  try {
    return unpackr.unpack(body) as unknown
  } catch {
    return undefined
  }
}

/** Why a connection was ended that sent what is no message. */
export type BrokenReason = "too long" | "malformed"

export interface MsgpackOptions {
  /** Bytes of one message; 4 MiB unless told. */
  readonly bytesMost?: number
  /** The first bytes of a connection, before they are read. */
  readonly onBegin?: (bytes: Uint8Array) => void
  /** What came is no message; the connection has to end. */
  readonly onBroken?: (reason: BrokenReason) => void
}

const isObject = (message: unknown): boolean =>
  typeof message === "object" && message !== null && !Array.isArray(message)

class Reader {
  private chunks: Array<Uint8Array> = []
  private held = 0
  private wanted = 4
  private hasBegun = false
  private readonly bytesMost: number
  private readonly options: MsgpackOptions

  constructor(options: MsgpackOptions) {
    this.options = options
    this.bytesMost = options.bytesMost ?? messageBytesMost
  }

  /** Messages that are complete now. Throws what makes the transport close the connection. */
  decode(data: Uint8Array): Array<unknown> {
    if (!this.hasBegun) {
      this.hasBegun = true
      this.options.onBegin?.(data)
    }
    this.chunks.push(data)
    this.held += data.length
    const messages: Array<unknown> = []
    while (this.held >= this.wanted) {
      const bytes = this.joined()
      const length = bytes.readUInt32LE(0)
      if (length > this.bytesMost) throw this.broken("too long")
      this.wanted = 4 + length
      if (bytes.length < this.wanted) break
      const body = bytes.subarray(4, this.wanted)
      const message = isPlainMsgpack(body, itemsMost, 64) ? unpack(body) : undefined
      if (!isObject(message)) throw this.broken("malformed")
      messages.push(message)
      this.chunks = [bytes.subarray(this.wanted)]
      this.held = bytes.length - this.wanted
      this.wanted = 4
    }
    return messages
  }

  private broken(reason: BrokenReason): RpcSerialization.MaxBufferSizeExceeded {
    this.chunks = []
    this.held = 0
    this.options.onBroken?.(reason)
    return new RpcSerialization.MaxBufferSizeExceeded({ maxBufferSize: this.bytesMost })
  }

  private joined(): Buffer {
    const only = this.chunks.length === 1 ? this.chunks[0]! : Buffer.concat(this.chunks)
    const bytes = Buffer.from(only.buffer, only.byteOffset, only.byteLength)
    this.chunks = [bytes]
    return bytes
  }
}

const encode = (message: unknown): Uint8Array => {
  const body = packr.pack(message)
  const bytes = Buffer.allocUnsafe(4 + body.length)
  bytes.writeUInt32LE(body.length, 0)
  body.copy(bytes, 4)
  return bytes
}

export const msgpackSerialization = (
  options: MsgpackOptions = {},
): Layer.Layer<RpcSerialization.RpcSerialization> =>
  Layer.succeed(RpcSerialization.RpcSerialization, {
    contentType: "application/msgpack",
    includesFraming: true,
    codecFor: Schema.toCodecJson,
    makeUnsafe: () => {
      const reader = new Reader(options)
      return {
        decode: (data) => reader.decode(typeof data === "string" ? Buffer.from(data) : data),
        encode,
      }
    },
  })
