// Reads SkyWalking's SegmentObject and SegmentCollection from their bytes: language-agent/Tracing.proto has the numbers of fields.

import { ProtobufReader } from "../../protocol/framed/ProtobufReader.ts"
import type { ReadSpans } from "../ProgramSpan.ts"
import { readSpansOf } from "./readSegmentsJson.ts"
import type { Pair, Segment, SegmentLog, SegmentReference, SegmentSpan } from "./Segment.ts"

/** The bytes are none of this format. */
class Malformed extends Error {}

/** Steps through the message in bytes[start, end); all of it must be fields. */
const eachField = (
  bytes: Uint8Array,
  start: number,
  end: number,
  field: (reader: ProtobufReader, number: number) => void,
): void => {
  const reader = new ProtobufReader()
  reader.begin(bytes, start, end)
  while (reader.step()) field(reader, reader.field)
  if (!reader.isWhole) throw new Malformed()
}

const eachInner = (reader: ProtobufReader, field: (reader: ProtobufReader, number: number) => void): void => {
  if (!reader.isBytes) throw new Malformed()
  eachField(reader.bytes, reader.at, reader.at + reader.value, field)
}

const text = (reader: ProtobufReader): string => (reader.isBytes ? reader.longText(reader.value) : "")

/** Times and numbers of spans: none is beyond 2^53. */
const integer = (reader: ProtobufReader): number => (reader.isBytes ? 0 : Number(reader.int64Text()))

const readPair = (reader: ProtobufReader): Pair => {
  let [key, value] = ["", ""]
  eachInner(reader, (one, number) => {
    if (number === 1) key = text(one)
    else if (number === 2) value = text(one)
  })
  return [key, value]
}

const readLog = (reader: ProtobufReader): SegmentLog => {
  let timeMs = 0
  const data: Array<Pair> = []
  eachInner(reader, (one, number) => {
    if (number === 1) timeMs = integer(one)
    else if (number === 2) data.push(readPair(one))
  })
  return { timeMs, data }
}

const readReference = (reader: ProtobufReader): SegmentReference => {
  let [traceId, segmentId, spanId] = ["", "", 0]
  eachInner(reader, (one, number) => {
    if (number === 2) traceId = text(one)
    else if (number === 3) segmentId = text(one)
    else if (number === 4) spanId = integer(one)
  })
  return { traceId, segmentId, spanId }
}

const readSpan = (reader: ProtobufReader): SegmentSpan => {
  const span = {
    spanId: 0,
    parentSpanId: 0,
    startMs: 0,
    endMs: 0,
    refs: [] as Array<SegmentReference>,
    operationName: "",
    peer: "",
    spanType: 0,
    spanLayer: 0,
    componentId: 0,
    isError: false,
    tags: [] as Array<Pair>,
    logs: [] as Array<SegmentLog>,
  }
  eachInner(reader, (one, number) => {
    if (number === 1) span.spanId = integer(one)
    else if (number === 2) span.parentSpanId = integer(one)
    else if (number === 3) span.startMs = integer(one)
    else if (number === 4) span.endMs = integer(one)
    else if (number === 5) span.refs.push(readReference(one))
    else if (number === 6) span.operationName = text(one)
    else if (number === 7) span.peer = text(one)
    else if (number === 8) span.spanType = integer(one)
    else if (number === 9) span.spanLayer = integer(one)
    else if (number === 10) span.componentId = integer(one)
    else if (number === 11) span.isError = one.value !== 0
    else if (number === 12) span.tags.push(readPair(one))
    else if (number === 13) span.logs.push(readLog(one))
  })
  return span
}

const readSegment = (bytes: Uint8Array, start: number, end: number): Segment => {
  const segment = { traceId: "", segmentId: "", service: "", instance: "", spans: [] as Array<SegmentSpan> }
  eachField(bytes, start, end, (one, number) => {
    if (number === 1) segment.traceId = text(one)
    else if (number === 2) segment.segmentId = text(one)
    else if (number === 3) segment.spans.push(readSpan(one))
    else if (number === 4) segment.service = text(one)
    else if (number === 5) segment.instance = text(one)
  })
  return segment
}

const read = (segments: () => ReadonlyArray<Segment>): ReadSpans | undefined => {
  try {
    return readSpansOf(segments())
  } catch (error) {
    if (error instanceof Malformed) return undefined
    throw error
  }
}

/** A SegmentObject, as `collect` streams them. Undefined: the bytes are none. */
export const readSegmentObject = (bytes: Uint8Array): ReadSpans | undefined =>
  read(() => [readSegment(bytes, 0, bytes.length)])

/** A SegmentCollection, as `collectInSync` has it. Undefined: the bytes are none. */
export const readSegmentCollection = (bytes: Uint8Array): ReadSpans | undefined =>
  read(() => {
    const segments: Array<Segment> = []
    eachField(bytes, 0, bytes.length, (one, number) => {
      if (number !== 1) return
      if (!one.isBytes) throw new Malformed()
      segments.push(readSegment(one.bytes, one.at, one.at + one.value))
    })
    return segments
  })
