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

const broken = (bytesMost: number) => new RpcSerialization.MaxBufferSizeExceeded({ maxBufferSize: bytesMost })

class Reader {
  private chunks: Array<Uint8Array> = []
  private held = 0
  private wanted = 0
  private readonly bytesMost: number

  constructor(bytesMost: number) {
    this.bytesMost = bytesMost
  }

  /** Messages that are complete now. Throws what makes the transport close the connection. */
  decode(data: Uint8Array): Array<unknown> {
    this.chunks.push(data)
    this.held += data.length
    const messages: Array<unknown> = []
    while (this.held >= 4 && this.held >= this.wanted) {
      const bytes = this.joined()
      const length = bytes.readUInt32LE(0)
      if (length > this.bytesMost) throw broken(this.bytesMost)
      this.wanted = 4 + length
      if (bytes.length < this.wanted) break
      const message = bytes.subarray(4, this.wanted)
      if (!isPlainMsgpack(message, itemsMost, 64)) throw broken(this.bytesMost)
      messages.push(unpackr.unpack(message))
      this.chunks = [bytes.subarray(this.wanted)]
      this.held = bytes.length - this.wanted
      this.wanted = 0
    }
    return messages
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
  bytesMost = messageBytesMost,
): Layer.Layer<RpcSerialization.RpcSerialization> =>
  Layer.succeed(RpcSerialization.RpcSerialization, {
    contentType: "application/msgpack",
    includesFraming: true,
    codecFor: Schema.toCodecJson,
    makeUnsafe: () => {
      const reader = new Reader(bytesMost)
      return {
        decode: (data) => reader.decode(typeof data === "string" ? Buffer.from(data) : data),
        encode,
      }
    },
  })
