// Bodies in Kryo. Arguments do not tell their length, so attachments are found by their names: a text of the class String is
// marked 03 01 (Kryo's number of String, and "not a reference").

import { ByteReader } from "../framed/ByteReader.ts"
import { javaTextEnd } from "../framed/javaText.ts"
import { latin1Text, utf8Text } from "../latin1.ts"
import { maxTraceValue } from "../traceField.ts"
import { type BodyReader, exceptionText, isException, maxName } from "./Invocation.ts"

const stringMark = 0x03
const newMark = 0x01
/** Attachments have short names. */
const maxAttachmentName = 32
const highBit = 0x80
/** A class by its name, of which this is the first object. */
const namedClass = 1

const reader = new ByteReader()

/**
 * A text at the reader's position. ASCII of two characters and more ends with a byte whose high bit is set; what begins with
 * such a byte has a length of characters, one more than there are (0: null).
 */
const readText = (limit: number): string => {
  const { bytes, at, end } = reader
  if (!reader.has(1)) return ""
  const first = bytes[at]
  if ((first & highBit) === 0) return readAscii(limit)
  reader.at = at + 1
  let length = first & 0x3f
  if ((first & 0x40) !== 0) length += reader.varint() * 64
  const from = reader.at
  const next = javaTextEnd(bytes, from, end, Math.max(0, length - 1))
  if (reader.isShort || next < 0) {
    reader.skip(end - from + 1)
    return ""
  }
  reader.at = next
  return utf8Text(bytes, from, Math.min(next, from + limit))
}

const readAscii = (limit: number): string => {
  const { bytes, at, end } = reader
  let last = at
  while (last < end && (bytes[last] & highBit) === 0) last++
  if (last >= end) {
    reader.skip(end - at + 1)
    return ""
  }
  reader.at = last + 1
  if (last - at >= limit) return latin1Text(bytes, at, at + limit)
  return latin1Text(bytes, at, last) + String.fromCharCode(bytes[last] & 0x7f)
}

const isMarked = (bytes: Uint8Array, at: number): boolean =>
  bytes[at] === stringMark && bytes[at + 1] === newMark

/** Calls `entry` with each pair of marked texts whose first one is short enough for a name. */
const eachPair = (start: number, end: number, entry: (name: string, value: string) => void): void => {
  const { bytes } = reader
  let next = start
  for (let at = start; at + 4 < end; at = next) {
    next = at + 1
    if (!isMarked(bytes, at)) continue
    reader.reset(bytes, at + 2, Math.min(end, at + 2 + maxAttachmentName))
    const name = readText(maxAttachmentName)
    if (reader.isShort || name === "") continue
    const valueAt = reader.at
    if (valueAt + 2 >= end || !isMarked(bytes, valueAt)) continue
    reader.reset(bytes, valueAt + 2, Math.min(end, valueAt + 2 + maxTraceValue * 2))
    const value = readText(maxTraceValue)
    if (reader.isShort) continue
    entry(name, value)
    next = reader.at
  }
}

export const kryoBody: BodyReader = {
  readInvocation(bytes, start, end, into) {
    reader.reset(bytes, start, end)
    into.protocolVersion = readText(maxName)
    into.service = readText(maxName)
    into.serviceVersion = readText(maxName)
    into.method = readText(maxName)
    if (!reader.isShort) eachPair(reader.at, end, into.attachment)
  },

  readException(bytes, start, end) {
    reader.reset(bytes, start, end)
    if (!isException(reader.u8()) || reader.isShort) return null
    if (reader.u8() !== namedClass) return ""
    reader.varint()
    return exceptionText(readText(maxName), "")
  },

  readText(bytes, start, end) {
    // The text of an event is marked, that of an error is not.
    const isEvent = start + 2 <= end && isMarked(bytes, start)
    reader.reset(bytes, isEvent ? start + 2 : start, end)
    return readText(maxName)
  },
}
