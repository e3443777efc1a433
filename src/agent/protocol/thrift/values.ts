// Passes over values in Thrift's binary and compact encodings, which say no length: a struct ends where its last field does.

import type { ByteStream, Reading } from "../streamed/ByteStream.ts"
import { Encoding } from "./wire.ts"

const maxDepth = 32
/** A value or collection that is larger is none. */
const maxLength = 0x1000_0000

/** Types of both encodings by what their values are like; the binary encoding's own numbers. */
export const Type = {
  stop: 0,
  bool: 2,
  byte: 3,
  double: 4,
  i16: 6,
  i32: 8,
  i64: 10,
  string: 11,
  struct: 12,
  map: 13,
  set: 14,
  list: 15,
  uuid: 16,
  /** In fields of the compact encoding a boolean is its type. */
  nothing: 17,
  none: -1,
} as const

const sizes: Readonly<Record<number, number>> = {
  [Type.bool]: 1,
  [Type.byte]: 1,
  [Type.double]: 8,
  [Type.i16]: 2,
  [Type.i32]: 4,
  [Type.i64]: 8,
  [Type.uuid]: 16,
}

const compactTypes = [
  Type.stop,
  Type.bool,
  Type.bool,
  Type.byte,
  Type.i16,
  Type.i32,
  Type.i64,
  Type.double,
  Type.string,
  Type.list,
  Type.set,
  Type.map,
  Type.struct,
  Type.uuid,
] as const

const isKnown = (type: number): boolean =>
  sizes[type] !== undefined || (type >= Type.string && type <= Type.list)

/** Reads the parts of values in one encoding. */
export class Values {
  /** Of the field that `field` read last. */
  fieldId = 0
  private readonly stream: ByteStream
  private readonly isCompact: boolean

  constructor(stream: ByteStream, encoding: number) {
    this.stream = stream
    this.isCompact = encoding === Encoding.compact
  }

  /** The type of the next field, `stop` behind the last one, `none` when it is no field. */
  *field(before: number): Reading<number> {
    const { stream } = this
    const head = yield* stream.u8()
    if (head === 0) return Type.stop
    if (!this.isCompact) {
      this.fieldId = yield* stream.big(2)
      return isKnown(head) ? head : Type.none
    }
    const kind = head & 0xf
    const delta = head >>> 4
    this.fieldId = delta === 0 ? zigzag(yield* stream.varint()) : before + delta
    if (kind === 1 || kind === 2) return Type.nothing
    return compactTypes[kind] ?? Type.none
  }

  /** Length of a text that follows. */
  *length(): Reading<number> {
    const length = this.isCompact ? yield* this.stream.varint() : yield* this.stream.big(4)
    return length > maxLength ? -1 : length
  }

  *i32(): Reading<number> {
    return this.isCompact ? zigzag(yield* this.stream.varint()) : (yield* this.stream.big(4)) | 0
  }

  /** Passes over a value; false when it is none. */
  *pass(type: number, depth: number): Reading<boolean> {
    if (depth > maxDepth) return false
    switch (type) {
      case Type.nothing:
        return true
      case Type.string: {
        const length = yield* this.length()
        if (length < 0) return false
        yield* this.stream.pass(length)
        return true
      }
      case Type.struct:
        return yield* this.passStruct(depth + 1)
      case Type.map:
        return yield* this.passMap(depth + 1)
      case Type.set:
      case Type.list:
        return yield* this.passList(depth + 1)
      default:
        return yield* this.passNumber(type)
    }
  }

  *passStruct(depth: number): Reading<boolean> {
    let before = 0
    for (;;) {
      const type = yield* this.field(before)
      if (type === Type.stop) return true
      if (type === Type.none || !(yield* this.pass(type, depth))) return false
      before = this.fieldId
    }
  }

  private *passNumber(type: number): Reading<boolean> {
    const isVarint = this.isCompact && (type === Type.i16 || type === Type.i32 || type === Type.i64)
    if (isVarint) return (yield* this.stream.varint()) !== Infinity
    const size = sizes[type]
    if (size === undefined) return false
    yield* this.stream.pass(size)
    return true
  }

  private *passMap(depth: number): Reading<boolean> {
    const { stream } = this
    let count: number
    let keyType: number
    let valueType: number
    if (this.isCompact) {
      count = yield* stream.varint()
      if (count === 0) return true
      const types = yield* stream.u8()
      keyType = compactTypes[types >>> 4] ?? Type.none
      valueType = compactTypes[types & 0xf] ?? Type.none
    } else {
      keyType = yield* stream.u8()
      valueType = yield* stream.u8()
      count = yield* stream.big(4)
    }
    if (count > maxLength) return false
    for (let i = 0; i < count; i++) {
      if (!(yield* this.pass(keyType, depth)) || !(yield* this.pass(valueType, depth))) return false
    }
    return true
  }

  private *passList(depth: number): Reading<boolean> {
    const { stream } = this
    let type: number
    let count: number
    const head = yield* stream.u8()
    if (this.isCompact) {
      type = compactTypes[head & 0xf] ?? Type.none
      count = head >>> 4 === 15 ? yield* stream.varint() : head >>> 4
    } else {
      type = head
      count = yield* stream.big(4)
    }
    if (count > maxLength) return false
    const size = this.isCompact && type !== Type.double && type !== Type.uuid ? undefined : sizes[type]
    if (size !== undefined) {
      if (size * count > maxLength) return false
      yield* stream.pass(size * count)
      return true
    }
    for (let i = 0; i < count; i++) if (!(yield* this.pass(type, depth))) return false
    return true
  }
}

const zigzag = (value: number): number => (value % 2 === 0 ? value / 2 : -(value + 1) / 2)
