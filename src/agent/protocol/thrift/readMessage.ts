// Reads one Thrift message: method, kind, sequence number, and of an answer whether it is an exception and what that says.

import { nameText } from "../framed/names.ts"
import { utf8Text } from "../latin1.ts"
import type { ByteStream, Reading } from "../streamed/ByteStream.ts"
import { Type, Values } from "./values.ts"
import {
  binaryMark,
  compactMark,
  compactVersion,
  Encoding,
  isName,
  isRequestType,
  maxName,
  MessageType,
} from "./wire.ts"

const maxText = 512

export interface ThriftMessage {
  /** 0 until it is read. */
  type: number
  encoding: number
  /** Binary without a version. */
  isOld: boolean
  name: string
  sequence: number
  /** An exception that the method declares. */
  isDeclared: boolean
  code: number
  text: string
}

export const emptyThriftMessage = (): ThriftMessage => ({
  type: 0,
  encoding: Encoding.binary,
  isOld: false,
  name: "",
  sequence: 0,
  isDeclared: false,
  code: -1,
  text: "",
})

function* readName(stream: ByteStream, length: number): Reading<string> {
  if (length === 0 || length > maxName) return ""
  const bytes = yield* stream.take(length, maxName)
  return isName(bytes, 0, bytes.length) ? nameText(bytes, 0, bytes.length) : ""
}

/** Reads the message that begins with `first`, of which the first byte was read; false when it is none. */
export function* readMessage(stream: ByteStream, first: number, message: ThriftMessage): Reading<boolean> {
  let type: number
  if (first === binaryMark) {
    if ((yield* stream.u8()) !== 1) return false
    yield* stream.u8()
    type = yield* stream.u8()
    message.name = yield* readName(stream, yield* stream.big(4))
    message.sequence = yield* stream.big(4)
  } else if (first === compactMark) {
    const head = yield* stream.u8()
    if ((head & 0x1f) !== compactVersion) return false
    type = head >>> 5
    message.encoding = Encoding.compact
    message.sequence = (yield* stream.varint()) % 2 ** 32
    message.name = yield* readName(stream, yield* stream.varint())
  } else {
    return first === 0 && (yield* readOldMessage(stream, yield* stream.big(3), message))
  }
  if (type < MessageType.call || type > MessageType.oneway || message.name === "") return false
  message.type = type
  return yield* readBody(stream, message)
}

/** Binary without a version: `length` is that of the name. */
export function* readOldMessage(
  stream: ByteStream,
  length: number,
  message: ThriftMessage,
): Reading<boolean> {
  message.name = yield* readName(stream, length)
  if (message.name === "") return false
  const type = yield* stream.u8()
  if (type < MessageType.call || type > MessageType.oneway) return false
  message.sequence = yield* stream.big(4)
  message.isOld = true
  message.type = type
  return yield* readBody(stream, message)
}

function* readBody(stream: ByteStream, message: ThriftMessage): Reading<boolean> {
  const values = new Values(stream, message.encoding)
  if (isRequestType(message.type)) return yield* values.passStruct(0)
  if (message.type === MessageType.exception) return yield* readException(stream, values, message, true)
  // A result has one field: 0 for what the method returns, others for exceptions that it declares.
  let before = 0
  for (;;) {
    const type = yield* values.field(before)
    if (type === Type.stop) return true
    before = values.fieldId
    if (type === Type.struct && before !== 0) {
      message.isDeclared = true
      if (!(yield* readException(stream, values, message, false))) return false
    } else if (type === Type.none || !(yield* values.pass(type, 0))) return false
  }
}

/** The first text of a struct; of Thrift's own exceptions also their number, which is field 2. */
function* readException(
  stream: ByteStream,
  values: Values,
  message: ThriftMessage,
  isOwn: boolean,
): Reading<boolean> {
  let before = 0
  for (;;) {
    const type = yield* values.field(before)
    if (type === Type.stop) return true
    before = values.fieldId
    if (type === Type.string && message.text === "") {
      const length = yield* values.length()
      if (length < 0) return false
      const bytes = yield* stream.take(length, maxText)
      message.text = utf8Text(bytes, 0, bytes.length)
    } else if (isOwn && type === Type.i32 && before === 2) message.code = yield* values.i32()
    else if (type === Type.none || !(yield* values.pass(type, 1))) return false
  }
}
