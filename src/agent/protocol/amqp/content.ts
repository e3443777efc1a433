// Reads the content header of a message: its size, the properties that identify it, and the trace context among its headers.

import type { L7Message } from "../../../model/L7Session.ts"
import type { ByteReader } from "../framed/ByteReader.ts"
import { maxTraceName, maxTraceValue, readTraceField } from "../traceField.ts"

const longString = 83
const table = 70
const array = 65
const bytesValue = 120

/** Bytes of the values of a field table that have a fixed size, by their type's letter. */
const fixedBytes: Record<string, number> = {
  t: 1,
  b: 1,
  B: 1,
  s: 2,
  U: 2,
  u: 2,
  I: 4,
  i: 4,
  L: 8,
  l: 8,
  f: 4,
  d: 8,
  D: 5,
  T: 8,
  V: 0,
}
const sizes = Int8Array.from({ length: 256 }, (_, c) => fixedBytes[String.fromCharCode(c)] ?? -1)

const maxFields = 64

const readHeaders = (reader: ByteReader, message: L7Message): void => {
  const length = reader.u32()
  const end = reader.at + length
  let rank = 0
  for (let i = 0; i < maxFields && reader.at < end && !reader.isShort; i++) {
    const nameLength = reader.u8()
    const isLong = nameLength > maxTraceName
    const name = isLong ? "" : reader.text(nameLength)
    if (isLong) reader.skip(nameLength)
    const type = reader.u8()
    if (type === longString || type === bytesValue) {
      const valueLength = reader.u32()
      if (isLong || valueLength > maxTraceValue) reader.skip(valueLength)
      else rank = readTraceField(name, reader.longText(valueLength), message, rank)
    } else if (type === table || type === array) reader.skip(reader.u32())
    else if (sizes[type] >= 0) reader.skip(sizes[type])
    else break
  }
  if (end > reader.end) reader.isShort = true
  else reader.at = end
}

const flag = (bit: number): number => 1 << bit

/** Reads the header at the reader's position; returns the bytes of the body, -1 when that is not at hand or cannot be. */
export const readContentHeader = (reader: ByteReader, message: L7Message): number => {
  reader.skip(4)
  const bodyBytes = reader.i64()
  if (reader.isShort || bodyBytes < 0 || !Number.isSafeInteger(bodyBytes)) return -1
  const flags = reader.u16()
  // Further words of flags are for properties that nobody defined.
  if ((flags & 1) !== 0) return bodyBytes
  const attributes: Array<string> = []
  const shortString = (bit: number): string => ((flags & flag(bit)) === 0 ? "" : reader.text(reader.u8()))
  const contentType = shortString(15)
  shortString(14)
  if ((flags & flag(13)) !== 0) readHeaders(reader, message)
  if ((flags & flag(12)) !== 0) reader.skip(1)
  if ((flags & flag(11)) !== 0) reader.skip(1)
  const correlationId = shortString(10)
  const replyTo = shortString(9)
  shortString(8)
  const messageId = shortString(7)
  if (message.xRequestId === "") message.xRequestId = messageId || correlationId
  if (contentType !== "") attributes.push("content_type", contentType)
  if (replyTo !== "") attributes.push("reply_to", replyTo)
  if (messageId !== "") attributes.push("message_id", messageId)
  if (correlationId !== "") attributes.push("correlation_id", correlationId)
  if (attributes.length > 0) message.attributes = [...message.attributes, ...attributes]
  return bodyBytes
}
