// Readers on what real programs sent.

import { describe, expect, it } from "vitest"
import { toldCall } from "./conventions.ts"
import { GrpcMessages } from "./GrpcMessages.ts"
import { readTraces } from "./otlp/readTraces.ts"
import type { ProgramSpan } from "./ProgramSpan.ts"
import { openTelemetryPython, skyWalkingNode } from "./recorded.testing.ts"
import { readSegmentObject } from "./skywalking/readSegment.ts"

const bytesOf = (base64: string): Buffer => Buffer.from(base64, "base64")

const told = (span: ProgramSpan) => {
  const { code, exception, requestResource, requestType } = toldCall(span)
  return [span.name, span.kind, requestType, requestResource, code, exception]
}

describe("what real programs send", () => {
  it("OpenTelemetry's SDK for Python", () => {
    const { programs, rejected } = readTraces(bytesOf(openTelemetryPython))!
    expect([programs.length, rejected]).toEqual([1, 0])
    const [{ resource, spans }] = programs as [(typeof programs)[0]]
    expect([resource.get("service.name"), resource.get("telemetry.sdk.version")]).toEqual([
      "py-http",
      "1.45.1",
    ])
    expect(spans.map(told)).toEqual([
      ["inner", 3, "SELECT", "select 1", -32_768, "ValueError: bad"],
      ["outer", 2, "GET", "", -32_768, ""],
    ])
    const [inner, outer] = spans
    expect(inner!.parentSpanId).toBe(outer!.spanId)
    expect(inner!.traceId).toBe(outer!.traceId)
    expect(inner!.events.map(({ name }) => name)).toEqual(["hello", "exception"])
    expect([outer!.attributes.get("l"), outer!.attributes.get("f")]).toEqual(['["a","b"]', "1.5"])
    expect(outer!.startUs).toBeLessThanOrEqual(inner!.startUs)
    expect(outer!.endUs).toBeGreaterThanOrEqual(inner!.endUs)
  })

  it("SkyWalking's agent for Node", () => {
    const messages = new GrpcMessages(100_000).push(bytesOf(skyWalkingNode))
    if (messages === "too_large") throw new Error("too large")
    const read = messages.map(({ bytes }) => readSegmentObject(bytes)!)
    expect(read.map(({ rejected }) => rejected)).toEqual(read.map(() => 0))
    const programs = read.flatMap((one) => one.programs)
    expect(programs.map(({ resource }) => resource.get("service.name"))).toEqual(
      programs.map(() => "sw-shop"),
    )
    const spans = programs.flatMap((program) => program.spans)
    expect(new Set(spans.map(({ traceId }) => traceId)).size).toBe(1)
    // A server's span by what asked for it: across segments by the ids of the header.
    const answered = spans.find(({ kind, name }) => kind === 2 && name === "GET:/inner")!
    const asked = spans.find(({ spanId }) => spanId === answered.parentSpanId)!
    expect([asked.kind, toldCall(asked).serverPort]).toEqual([3, 20_780])
    expect(told(answered).slice(2, 5)).toEqual(["GET", "/inner", 200])
  })
})
