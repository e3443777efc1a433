// Bodies in FastJSON 2's binary form (JSONB), each value behind its length in four bytes: arguments need not be understood.

import { ByteReader } from "../framed/ByteReader.ts"
import { maxTraceValue } from "../traceField.ts"
import { type BodyReader, exceptionText, isException, maxName, parameterCount } from "./Invocation.ts"

/** com.alibaba.fastjson2.JSONB.Constants. */
const Code = {
  shortText: 0x49,
  lastShortText: 0x78,
  text: 0x79,
  utf8: 0x7a,
  symbol: 0x7f,
  typed: 0x92,
  objectEnd: 0xa5,
  object: 0xa6,
  byte: 0xbd,
} as const

const reader = new ByteReader()

/** An integer of the size that lengths have; -1 for another value. */
const readInt = (): number => {
  const code = reader.u8()
  if (code <= 0x2f) return code
  if (code >= 0x30 && code <= 0x3f) return ((code - 0x38) << 8) + reader.u8()
  if (code >= 0x40 && code <= 0x47) return ((code - 0x44) << 16) + reader.u16()
  if (code === Code.byte) return reader.u8()
  return code === 0x48 ? reader.i32() : -1
}

/** The text that comes next, which is passed over when it is longer than `limit`; null for another value. */
const readText = (limit: number): string | null => {
  const code = reader.u8()
  let length: number
  if (code >= Code.shortText && code <= Code.lastShortText) length = code - Code.shortText
  else if (code === Code.text || code === Code.utf8) length = readInt()
  else return null
  if (length <= limit) return reader.longText(length)
  reader.skip(length)
  return ""
}

/** The name of a field: a text, or the definition of one that is sent again as a number. */
const readName = (): string | null => {
  if (reader.bytes[reader.at] !== Code.symbol || reader.left === 0) return readText(maxName)
  reader.skip(1)
  const name = readText(maxName)
  readInt()
  return name
}

/** Goes into the value that comes next; returns where it ends. */
const open = (): number => {
  const length = reader.u32()
  return reader.at + length
}

/** Continues behind a value that ends at `at`. */
const close = (at: number): void => reader.skip(at - reader.at)

const readTextValue = (): string => {
  const end = open()
  const text = readText(maxName)
  close(end)
  return text ?? ""
}

export const fastJson2Body: BodyReader = {
  readInvocation(bytes, start, end, into) {
    reader.reset(bytes, start, end)
    into.protocolVersion = readTextValue()
    into.service = readTextValue()
    into.serviceVersion = readTextValue()
    into.method = readTextValue()
    const parameters = parameterCount(readTextValue())
    for (let i = 0; i < parameters && !reader.isShort; i++) {
      if (i === 0 && into.isGeneric) into.genericMethod = readTextValue()
      else close(open())
    }
    open()
    if (reader.u8() !== Code.object) return
    while (!reader.isShort && bytes[reader.at] !== Code.objectEnd) {
      const name = readName()
      const value = name === null ? null : readText(maxTraceValue)
      // What follows a value of another kind is not read.
      if (name === null || value === null) return
      if (!reader.isShort) into.attachment(name, value)
    }
  },

  readException(bytes, start, end) {
    reader.reset(bytes, start, end)
    const kindEnd = open()
    const kind = readInt()
    close(kindEnd)
    if (reader.isShort || !isException(kind)) return null
    open()
    if (reader.u8() !== Code.typed) return ""
    const className = readText(maxName) ?? ""
    readInt()
    const isMessage = reader.u8() === Code.object && readName() === "detailMessage"
    return exceptionText(className, isMessage ? (readText(maxName) ?? "") : "")
  },

  readText(bytes, start, end) {
    reader.reset(bytes, start, end)
    return readTextValue()
  },
}
