// Splits the body of a gRPC call into its messages: each has a prefix of five bytes (compressed flag, length). Holds no more than
// arrived, and of that what is of a message which is not whole yet.

export interface GrpcMessage {
  readonly isCompressed: boolean
  readonly bytes: Buffer
}

const prefixBytes = 5

export class GrpcMessages {
  readonly #most: number
  #pieces: Array<Buffer> = []
  #waiting = 0
  /** Bytes that the present message has with its prefix; of the prefix alone while it is not there. */
  #needed = prefixBytes

  /** `most`: bytes of a message. */
  constructor(most: number) {
    this.#most = most
  }

  /** Bytes that wait for the rest of their message. */
  get waiting(): number {
    return this.#waiting
  }

  /** The messages that are whole now; "too_large": one is beyond what is taken, and nothing after it can be read. */
  push(piece: Buffer): ReadonlyArray<GrpcMessage> | "too_large" {
    this.#pieces.push(piece)
    this.#waiting += piece.length
    const messages: Array<GrpcMessage> = []
    while (this.#waiting >= this.#needed) {
      const bytes = this.#pieces.length === 1 ? this.#pieces[0]! : Buffer.concat(this.#pieces)
      this.#pieces = [bytes]
      if (this.#needed === prefixBytes) {
        const length = bytes.readUInt32BE(1)
        if (length > this.#most) return "too_large"
        this.#needed += length
        if (this.#waiting < this.#needed) break
      }
      const end = this.#needed
      messages.push({ isCompressed: bytes[0] !== 0, bytes: bytes.subarray(prefixBytes, end) })
      this.#pieces = [bytes.subarray(end)]
      this.#waiting -= end
      this.#needed = prefixBytes
    }
    return messages
  }
}

/** A message as it is sent, not compressed. */
export const framed = (message: Uint8Array): Buffer => {
  const frame = Buffer.alloc(prefixBytes + message.length)
  frame.writeUInt32BE(message.length, 1)
  frame.set(message, prefixBytes)
  return frame
}
