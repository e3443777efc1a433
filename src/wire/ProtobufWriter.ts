// Writes the wire format of Protocol Buffers, as much of it as OTLP needs: fields in the order in which they are told. Default values
// are left out, as proto3 wants.

const lengthDelimited = 2

export class ProtobufWriter {
  #bytes = new Uint8Array(256)
  #view = new DataView(this.#bytes.buffer)
  #length = 0

  /** What was written; a view that lasts until more is written. */
  finish(): Uint8Array {
    return this.#bytes.subarray(0, this.#length)
  }

  #room(bytes: number): void {
    if (this.#length + bytes <= this.#bytes.length) return
    const larger = new Uint8Array(Math.max(this.#bytes.length * 2, this.#length + bytes))
    larger.set(this.#bytes)
    this.#bytes = larger
    this.#view = new DataView(larger.buffer)
  }

  #varint(value: bigint): void {
    this.#room(10)
    let rest = BigInt.asUintN(64, value)
    while (rest >= 0x80n) {
      this.#bytes[this.#length++] = Number(rest & 0x7fn) | 0x80
      rest >>= 7n
    }
    this.#bytes[this.#length++] = Number(rest)
  }

  #key(field: number, wireType: number): void {
    this.#varint(BigInt((field << 3) | wireType))
  }

  /** uint32, int64, enumerations. */
  integer(field: number, value: number | bigint): this {
    if (BigInt(value) === 0n) return this
    this.#key(field, 0)
    this.#varint(BigInt(value))
    return this
  }

  /** Of a `oneof`, where the default counts. */
  chosenInteger(field: number, value: number | bigint): this {
    this.#key(field, 0)
    this.#varint(BigInt(value))
    return this
  }

  chosenDouble(field: number, value: number): this {
    this.#key(field, 1)
    this.#room(8)
    this.#view.setFloat64(this.#length, value, true)
    this.#length += 8
    return this
  }

  fixed64(field: number, value: bigint): this {
    if (value === 0n) return this
    this.#key(field, 1)
    this.#room(8)
    this.#view.setBigUint64(this.#length, value, true)
    this.#length += 8
    return this
  }

  bytes(field: number, value: Uint8Array): this {
    return value.length === 0 ? this : this.chosenBytes(field, value)
  }

  chosenBytes(field: number, value: Uint8Array): this {
    this.#key(field, lengthDelimited)
    this.#varint(BigInt(value.length))
    this.#room(value.length)
    this.#bytes.set(value, this.#length)
    this.#length += value.length
    return this
  }

  text(field: number, value: string): this {
    return value === "" ? this : this.chosenText(field, value)
  }

  chosenText(field: number, value: string): this {
    return this.chosenBytes(field, Buffer.from(value, "utf8"))
  }

  /** A message, present even when it is empty. */
  message(field: number, write: (writer: ProtobufWriter) => void): this {
    const inner = new ProtobufWriter()
    write(inner)
    return this.chosenBytes(field, inner.finish())
  }
}
