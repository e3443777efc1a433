// Reads an OTLP request for traces (ExportTraceServiceRequest) from its bytes. Numbers of fields are those of opentelemetry-proto's
// collector/trace/v1/trace_service.proto, trace/v1/trace.proto and common/v1/common.proto. Unknown fields are passed over.

import { ProtobufReader } from "../../protocol/framed/ProtobufReader.ts"
import {
  areIds,
  type Attributes,
  parentId,
  type ProgramSpan,
  type ProgramSpans,
  type ReadSpans,
  type SpanEvent,
  spanKind,
} from "../ProgramSpan.ts"

/** Messages within messages: those that the format has, and lists within values. */
const deepest = 16

type Value = string | number | boolean | ReadonlyArray<Value> | { readonly [key: string]: Value }

const statusError = 2

/** One reader a level, used again and again: reading is synchronous. */
const readers = Array.from({ length: deepest + 1 }, () => new ProtobufReader())

/** The bytes are none of this format. */
class Malformed extends Error {}

/** The message in the present field of a reader, for the level below it; at level 0 all of the bytes. */
const within = (level: number, bytes: Uint8Array, start: number, end: number): ProtobufReader => {
  const reader = readers[level]!
  reader.begin(bytes, start, end)
  return reader
}

const inner = (outer: ProtobufReader, level: number): ProtobufReader => {
  if (!outer.isBytes) throw new Malformed()
  return within(level, outer.bytes, outer.at, outer.at + outer.value)
}

const done = (reader: ProtobufReader): void => {
  if (!reader.isWhole) throw new Malformed()
}

const text = (reader: ProtobufReader): string => (reader.isBytes ? reader.longText(reader.value) : "")

const raw = (reader: ProtobufReader, encoding: "hex" | "base64"): string =>
  reader.isBytes
    ? Buffer.from(reader.bytes.buffer, reader.bytes.byteOffset + reader.at, reader.value).toString(encoding)
    : ""

const microseconds = (reader: ProtobufReader): number => Number(reader.fixed64Value() / 1_000n)

const integer = (digits: string): Value => {
  const number = Number(digits)
  return Number.isSafeInteger(number) ? number : digits
}

const readValue = (outer: ProtobufReader, level: number): Value => {
  // Lists within lists without end say nothing.
  if (level + 2 > deepest) return ""
  const reader = inner(outer, level)
  let value: Value = ""
  while (reader.step()) {
    if (reader.field === 1) value = text(reader)
    else if (reader.field === 2) value = reader.value !== 0
    else if (reader.field === 3) value = integer(reader.int64Text())
    else if (reader.field === 4) value = reader.doubleValue()
    else if (reader.field === 5) value = readList(reader, level + 1)
    else if (reader.field === 6) value = readRecord(reader, level + 1)
    else if (reader.field === 7) value = raw(reader, "base64")
  }
  done(reader)
  return value
}

const readList = (outer: ProtobufReader, level: number): Value => {
  const reader = inner(outer, level)
  const values: Array<Value> = []
  while (reader.step()) if (reader.field === 1) values.push(readValue(reader, level + 1))
  done(reader)
  return values
}

const readRecord = (outer: ProtobufReader, level: number): Value => {
  const reader = inner(outer, level)
  const pairs: Array<readonly [string, Value]> = []
  while (reader.step()) if (reader.field === 1 && level < deepest) pairs.push(readPair(reader, level + 1))
  done(reader)
  return Object.fromEntries(pairs)
}

const readPair = (outer: ProtobufReader, level: number): readonly [key: string, value: Value] => {
  const reader = inner(outer, level)
  let key = ""
  let value: Value = ""
  while (reader.step()) {
    if (reader.field === 1) key = text(reader)
    else if (reader.field === 2) value = readValue(reader, level + 1)
  }
  done(reader)
  return [key, value]
}

/** An attribute of the present field. */
const addAttribute = (reader: ProtobufReader, level: number, attributes: Map<string, string>): void => {
  const [key, value] = readPair(reader, level)
  if (key !== "") attributes.set(key, typeof value === "string" ? value : JSON.stringify(value))
}

const readResource = (outer: ProtobufReader, level: number): Attributes => {
  const reader = inner(outer, level)
  const attributes = new Map<string, string>()
  while (reader.step()) if (reader.field === 1) addAttribute(reader, level + 1, attributes)
  done(reader)
  return attributes
}

const readEvent = (outer: ProtobufReader, level: number): SpanEvent => {
  const reader = inner(outer, level)
  const attributes = new Map<string, string>()
  let name = ""
  let timeUs = 0
  while (reader.step()) {
    if (reader.field === 1) timeUs = microseconds(reader)
    else if (reader.field === 2) name = text(reader)
    else if (reader.field === 3) addAttribute(reader, level + 1, attributes)
  }
  done(reader)
  return { name, timeUs, attributes }
}

const readStatus = (outer: ProtobufReader, level: number): readonly [text: string, code: number] => {
  const reader = inner(outer, level)
  let message = ""
  let code = 0
  while (reader.step()) {
    if (reader.field === 2) message = text(reader)
    else if (reader.field === 3) code = reader.value
  }
  done(reader)
  return [message, code]
}

const readSpan = (outer: ProtobufReader, level: number): ProgramSpan | undefined => {
  const reader = inner(outer, level)
  const attributes = new Map<string, string>()
  const events: Array<SpanEvent> = []
  let [traceId, spanId, parent, name, statusText] = ["", "", "", "", ""]
  let [kind, startUs, endUs, statusCode] = [0, 0, 0, 0]
  while (reader.step()) {
    switch (reader.field) {
      case 1:
        traceId = raw(reader, "hex")
        break
      case 2:
        spanId = raw(reader, "hex")
        break
      case 4:
        parent = raw(reader, "hex")
        break
      case 5:
        name = text(reader)
        break
      case 6:
        kind = reader.value
        break
      case 7:
        startUs = microseconds(reader)
        break
      case 8:
        endUs = microseconds(reader)
        break
      case 9:
        addAttribute(reader, level + 1, attributes)
        break
      case 11:
        events.push(readEvent(reader, level + 1))
        break
      case 15:
        ;[statusText, statusCode] = readStatus(reader, level + 1)
        break
    }
  }
  done(reader)
  if (!areIds(traceId, spanId)) return undefined
  return {
    traceId,
    spanId,
    parentSpanId: parentId(parent),
    name,
    kind: spanKind(kind),
    startUs,
    endUs: Math.max(startUs, endUs),
    isError: statusCode === statusError,
    statusText,
    attributes,
    events,
  }
}

/** Spans of a scope; how many of them were rejected. */
const readScope = (outer: ProtobufReader, level: number, spans: Array<ProgramSpan>): number => {
  const reader = inner(outer, level)
  let rejected = 0
  while (reader.step()) {
    if (reader.field !== 2) continue
    const span = readSpan(reader, level + 1)
    if (span === undefined) rejected++
    else spans.push(span)
  }
  done(reader)
  return rejected
}

/** Undefined: the bytes are no such request. */
export const readTraces = (bytes: Uint8Array): ReadSpans | undefined => {
  const programs: Array<ProgramSpans> = []
  let rejected = 0
  try {
    const request = within(0, bytes, 0, bytes.length)
    while (request.step()) {
      if (request.field !== 1) continue
      const reader = inner(request, 1)
      const spans: Array<ProgramSpan> = []
      let resource: Attributes = new Map()
      while (reader.step()) {
        if (reader.field === 1) resource = readResource(reader, 2)
        else if (reader.field === 2) rejected += readScope(reader, 2, spans)
      }
      done(reader)
      if (spans.length > 0) programs.push({ resource, spans })
    }
    done(request)
  } catch (error) {
    if (error instanceof Malformed) return undefined
    throw error
  }
  return { programs, rejected }
}
