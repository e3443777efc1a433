import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import { ProtobufWriter } from "../../../wire/ProtobufWriter.ts"
import { jsonRequest, type Told, tracesRequest } from "../traces.testing.ts"
import { readTraces } from "./readTraces.ts"
import { readTracesJson } from "./readTracesJson.ts"

const traceId = "0af7651916cd43dd8448eb211c80319c"
const told: Told = {
  resource: { "service.name": "shop", "process.pid": 4711, "host.ip": ["10.1.2.3", "fe80::1"] },
  spans: [
    {
      traceId,
      spanId: "b7ad6b7169203331",
      parentSpanId: "00f067aa0ba902b7",
      name: "GET /orders",
      kind: 2,
      startNs: 1_700_000_000_123_456_789n,
      endNs: 1_700_000_000_223_456_789n,
      attributes: {
        text: "ünïcode",
        whole: -5,
        large: "9223372036854775807",
        share: 0.25,
        yes: true,
        list: ["a", 1, [true]],
        map: { a: "b" },
        long: "x".repeat(5_000),
      },
      events: [{ name: "exception", timeNs: 1_700_000_000_200_000_000n, attributes: { why: "it broke" } }],
      status: { code: 2, message: "broken" },
    },
  ],
}

describe.each([
  ["protobuf", (one: Told) => readTraces(tracesRequest(one))],
  ["JSON", (one: Told) => readTracesJson(Buffer.from(jsonRequest(one)))],
] as const)("traces in %s", (_, read) => {
  it("are read whole", () => {
    const { programs, rejected } = read(told)!
    expect(rejected).toBe(0)
    expect([...programs[0]!.resource]).toEqual([
      ["service.name", "shop"],
      ["process.pid", "4711"],
      ["host.ip", '["10.1.2.3","fe80::1"]'],
    ])
    const [span] = programs[0]!.spans
    expect({ ...span, attributes: undefined, events: undefined }).toEqual({
      traceId,
      spanId: "b7ad6b7169203331",
      parentSpanId: "00f067aa0ba902b7",
      name: "GET /orders",
      kind: 2,
      startUs: 1_700_000_000_123_456,
      endUs: 1_700_000_000_223_456,
      isError: true,
      statusText: "broken",
      attributes: undefined,
      events: undefined,
    })
    expect(span!.attributes.get("text")).toBe("ünïcode")
    expect(span!.attributes.get("whole")).toBe("-5")
    expect(span!.attributes.get("large")).toBe("9223372036854775807")
    expect(span!.attributes.get("share")).toBe("0.25")
    expect(span!.attributes.get("yes")).toBe("true")
    expect(span!.attributes.get("list")).toBe('["a",1,[true]]')
    expect(span!.attributes.get("map")).toContain('"a":"b"')
    expect(span!.attributes.get("long")).toHaveLength(5_000)
    expect(span!.events[0]).toMatchObject({ name: "exception", timeUs: 1_700_000_000_200_000 })
    expect(span!.events[0]!.attributes.get("why")).toBe("it broke")
  })

  it("of nothing are nothing", () => {
    expect(read({ resource: {}, spans: [] })).toEqual({ programs: [], rejected: 0 })
  })

  it("without ids that they could be found by are rejected, the others taken", () => {
    const [span] = told.spans
    const spans = [
      span!,
      { ...span!, traceId: "0".repeat(32) },
      { ...span!, spanId: "0".repeat(16) },
      { ...span!, traceId: "abcd" },
      { ...span!, parentSpanId: "0".repeat(16) },
    ]
    const found = read({ ...told, spans })!
    expect(found.rejected).toBe(3)
    expect(found.programs[0]!.spans.map(({ parentSpanId }) => parentSpanId)).toEqual(["00f067aa0ba902b7", ""])
  })
})

describe("bytes that are no traces", () => {
  it("are told from traces, wherever they end too early", () => {
    const bytes = tracesRequest(told)
    for (let length = 1; length < bytes.length; length++)
      expect(readTraces(bytes.subarray(0, length)), `${length} bytes`).toBeUndefined()
  })

  it("of any kind do no harm", () => {
    const whole = tracesRequest(told)
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        readTraces(bytes)
        readTracesJson(bytes)
      }),
    )
    fc.assert(
      fc.property(fc.nat(whole.length - 1), fc.nat(255), (at, byte) => {
        const changed = Uint8Array.from(whole)
        changed[at] = byte
        readTraces(changed)
      }),
      { numRuns: 2_000 },
    )
    fc.assert(fc.property(fc.json(), (json) => void readTracesJson(Buffer.from(json))))
  })

  it("may not nest without end", () => {
    const nest = (depth: number): Uint8Array =>
      depth === 0
        ? new ProtobufWriter().chosenText(1, "end").finish()
        : new ProtobufWriter()
            .message(5, (list) => void list.bytes(1, Uint8Array.from(nest(depth - 1))))
            .finish()
    const value = Uint8Array.from(nest(500))
    const bytes = new ProtobufWriter()
      .message(1, (resourceSpans) =>
        resourceSpans.message(1, (resource) =>
          resource.message(1, (pair) => void pair.text(1, "deep").bytes(2, value)),
        ),
      )
      .finish()
    expect(readTraces(bytes)).toEqual({ programs: [], rejected: 0 })
  })

  it.each(["", "[]", "null", "7", '"x"', "{", '{"resourceSpans":7}'])("such as %s are refused", (text) => {
    expect(readTracesJson(Buffer.from(text))).toBeUndefined()
  })
})
