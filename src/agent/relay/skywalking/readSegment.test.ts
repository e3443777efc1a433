import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import { SpanKind } from "../../../model/observation.ts"
import { ProtobufWriter } from "../../../wire/ProtobufWriter.ts"
import { emptyMessage } from "../../../model/L7Session.ts"
import { readSw8 } from "../../protocol/traceContext.ts"
import { toldCall } from "../conventions.ts"
import { readSegmentCollection, readSegmentObject } from "./readSegment.ts"
import { readSegmentsJson } from "./readSegmentsJson.ts"

/** As the protocol's JSON is: an entry with its caller, an exit below it that failed, a local one that has no parent. */
const segment = {
  traceId: "trace.1",
  traceSegmentId: "segment.2",
  service: "shop",
  serviceInstance: "shop@host",
  spans: [
    {
      spanId: 0,
      parentSpanId: -1,
      startTime: 1_700_000_000_000,
      endTime: 1_700_000_000_120,
      refs: [
        {
          refType: 0,
          traceId: "trace.1",
          parentTraceSegmentId: "segment.1",
          parentSpanId: 3,
          parentService: "front",
        },
      ],
      operationName: "GET:/orders",
      spanType: 0,
      spanLayer: 3,
      componentId: 1,
      isError: false,
      tags: [
        { key: "url", value: "http://shop.test/orders" },
        { key: "http.method", value: "GET" },
        { key: "http.status_code", value: "200" },
      ],
    },
    {
      spanId: 1,
      parentSpanId: 0,
      startTime: 1_700_000_000_010,
      endTime: 1_700_000_000_100,
      operationName: "Mysql/JDBC/Statement/execute",
      peer: "db.test:3306",
      spanType: 1,
      spanLayer: 1,
      componentId: 5,
      isError: true,
      tags: [
        { key: "db.type", value: "Mysql" },
        { key: "db.statement", value: "select 1" },
      ],
      logs: [
        {
          time: 1_700_000_000_050,
          data: [
            { key: "event", value: "error" },
            { key: "error.kind", value: "SQLException" },
            { key: "message", value: "gone" },
          ],
        },
      ],
    },
    {
      spanId: 2,
      parentSpanId: -1,
      startTime: 1_700_000_000_001,
      endTime: 1_700_000_000_001,
      operationName: "tick",
      spanType: 2,
      spanLayer: 0,
    },
  ],
}

const pair = (writer: ProtobufWriter, field: number, { key, value }: { key: string; value: string }) =>
  writer.message(field, (one) => void one.text(1, key).text(2, value))

const writeSegment = (writer: ProtobufWriter): ProtobufWriter => {
  writer.text(1, segment.traceId).text(2, segment.traceSegmentId)
  for (const span of segment.spans)
    writer.message(3, (one) => {
      one
        .integer(1, span.spanId)
        .integer(2, span.parentSpanId)
        .integer(3, span.startTime)
        .integer(4, span.endTime)
      for (const ref of span.refs ?? [])
        one.message(
          5,
          (each) =>
            void each.text(2, ref.traceId).text(3, ref.parentTraceSegmentId).integer(4, ref.parentSpanId),
        )
      one
        .text(6, span.operationName)
        .text(7, span.peer ?? "")
        .integer(8, span.spanType)
        .integer(9, span.spanLayer)
      one.integer(10, span.componentId ?? 0).integer(11, span.isError === true ? 1 : 0)
      for (const tag of span.tags ?? []) pair(one, 12, tag)
      for (const log of span.logs ?? [])
        one.message(13, (each) => {
          each.integer(1, log.time)
          for (const data of log.data) pair(each, 2, data)
        })
    })
  return writer.text(4, segment.service).text(5, segment.serviceInstance)
}

const bytes = Uint8Array.from(writeSegment(new ProtobufWriter()).finish())
const collection = Uint8Array.from(new ProtobufWriter().message(1, (one) => void writeSegment(one)).finish())

describe.each([
  ["an object", () => readSegmentObject(bytes)],
  ["a collection", () => readSegmentCollection(collection)],
  ["JSON", () => readSegmentsJson(Buffer.from(JSON.stringify(segment)))],
  ["a list in JSON", () => readSegmentsJson(Buffer.from(JSON.stringify([segment])))],
] as const)("a segment as %s", (_, read) => {
  const { programs, rejected } = read()!
  const [entry, exit, local] = programs[0]!.spans

  it("is spans of one program", () => {
    expect([programs.length, rejected]).toEqual([1, 0])
    expect([...programs[0]!.resource]).toEqual([
      ["service.name", "shop"],
      ["service.instance.id", "shop@host"],
    ])
    expect([entry!.kind, exit!.kind, local!.kind]).toEqual([
      SpanKind.server,
      SpanKind.client,
      SpanKind.internal,
    ])
    expect([entry!.startUs, entry!.endUs]).toEqual([1_700_000_000_000_000, 1_700_000_000_120_000])
  })

  it("links its spans by ids as its header carries them", () => {
    expect(programs[0]!.spans.map(({ parentSpanId, spanId }) => [spanId, parentSpanId])).toEqual([
      ["segment.2-0", "segment.1-3"],
      ["segment.2-1", "segment.2-0"],
      ["segment.2-2", ""],
    ])
    const base64 = (text: string): string => Buffer.from(text).toString("base64")
    const message = emptyMessage(0, 20, 0, 0)
    readSw8(
      `1-${base64("trace.1")}-${base64("segment.2")}-1-${base64("shop")}-${base64("i")}-${base64("e")}-${base64("p")}`,
      message,
    )
    expect([message.traceId, message.spanId]).toEqual([exit!.traceId, exit!.spanId])
  })

  it("says what kind of call it is, and what went wrong", () => {
    expect(toldCall(entry!)).toMatchObject({
      l7Protocol: 20,
      requestType: "GET",
      requestDomain: "shop.test",
      requestResource: "/orders",
      code: 200,
    })
    expect(toldCall(exit!)).toMatchObject({
      l7Protocol: 60,
      requestType: "SELECT",
      requestResource: "select 1",
      serverPort: 3306,
      status: 3,
      exception: "SQLException: gone",
    })
  })
})

describe("what is no segment", () => {
  it("is told from one", () => {
    for (let length = 1; length < collection.length; length++)
      expect(readSegmentCollection(collection.subarray(0, length))).toBeUndefined()
    for (const text of ["", "7", "null", "{"]) expect(readSegmentsJson(Buffer.from(text))).toBeUndefined()
  })

  it("has spans that are rejected when it has no ids", () => {
    expect(readSegmentsJson(Buffer.from(JSON.stringify({ ...segment, traceId: "" })))).toEqual({
      programs: [],
      rejected: 3,
    })
  })

  it("of any kind does no harm", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (some) => {
        readSegmentObject(some)
        readSegmentCollection(some)
      }),
    )
    fc.assert(fc.property(fc.json(), (json) => void readSegmentsJson(Buffer.from(json))))
  })
})
