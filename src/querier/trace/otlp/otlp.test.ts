import { describe, expect, it } from "vitest"
import { bothEnds, spanRowOf } from "../rows.testing.ts"
import { shopTrace, traceFrom } from "../traces.testing.ts"
import { resourceSpansJson } from "./otlpJson.ts"
import { writeResourceSpans } from "./otlpProtobuf.ts"
import { otlpTrace } from "./otlpTrace.ts"
import { ProtobufWriter } from "../../../wire/ProtobufWriter.ts"

const spansOf = (trace = shopTrace()) => otlpTrace(trace).flatMap(({ spans }) => spans)

type Told = ReadonlyArray<{ readonly scopeSpans: readonly [{ readonly spans: ReadonlyArray<object> }] }>

describe("a trace as OTLP", () => {
  it("has one trace id, span ids that differ, and parents that are in it", () => {
    const spans = spansOf()
    expect(new Set(spans.map(({ traceId }) => traceId))).toEqual(
      new Set(["00000000000000000000000000000064"]),
    )
    const ids = spans.map(({ spanId }) => spanId)
    expect(new Set(ids).size).toBe(4)
    expect(spans.map(({ parentSpanId }) => parentSpanId)).toEqual(["", ids[0], ids[1], ids[2]])
    for (const id of ids) expect(id).toMatch(/^[0-9a-f]{16}$/)
  })

  it("keeps the trace id of the messages, and the span ids of programs alone: a call has the same at both ends", () => {
    const ids = { traceId: "0af7651916cd43dd8448eb211c80319c", spanId: "00f067aa0ba902b7" }
    const program = spanRowOf({ ...ids, point: "c-app", programKind: 3, endUs: 900, transport: 0 })
    const spans = spansOf(traceFrom([program, ...bothEnds({ ...ids, startUs: 10, endUs: 800 })]))
    expect(new Set(spans.map(({ traceId }) => traceId))).toEqual(new Set([ids.traceId]))
    expect(spans[0]!.spanId).toBe(ids.spanId)
    expect(new Set(spans.map(({ spanId }) => spanId)).size).toBe(3)
  })

  it("tells service, kind, outcome and why by OpenTelemetry's names", () => {
    const resources = otlpTrace(shopTrace())
    expect(resources.map(({ attributes }) => attributes)).toEqual([
      {
        "service.name": "service-1",
        "host.name": "left",
        "process.pid": 1,
        "process.executable.name": "program-1",
        "k8s.pod.name": "a",
      },
      {
        "service.name": "service-2",
        "host.name": "right",
        "process.pid": 2,
        "process.executable.name": "program-2",
        "k8s.pod.name": "b",
      },
      {
        "service.name": "service-2",
        "host.name": "left",
        "process.pid": 2,
        "process.executable.name": "program-2",
        "k8s.pod.name": "a",
      },
      {
        "service.name": "service-3",
        "host.name": "right",
        "process.pid": 3,
        "process.executable.name": "program-3",
        "k8s.pod.name": "b",
      },
    ])
    const failed = spansOf().find(({ name, kind }) => name === "GET /items" && kind === 2)!
    expect(failed).toMatchObject({ statusCode: 2, statusMessage: "out of stock" })
    expect(failed.attributes).toMatchObject({
      "http.request.method": "GET",
      "http.route": "/items",
      "url.path": "/items",
      "url.query": "q=1",
      "http.response.status_code": 500,
      "server.address": "shop.example",
      "error.type": "server_error",
      "user_agent.original": "curl",
      "sonde.link.reason": "tcp_seq",
      "sonde.link.confidence": "certain",
    })
  })

  it.each([
    [80, { "db.system.name": "redis", "db.operation.name": "GET", "db.query.text": "key?q=1" }],
    [100, { "messaging.system": "kafka", "messaging.destination.name": "key" }],
    [41, { "rpc.system.name": "grpc", "rpc.method": "key" }],
    [120, { "dns.question.name": "key?q=1" }],
    [125, { "sonde.request.type": "GET", "sonde.request.resource": "key?q=1" }],
  ])("of protocol %i has its names", (l7Protocol, attributes) => {
    const [span] = spansOf(traceFrom([spanRowOf({ l7Protocol, endpoint: "key" })]))
    expect(span!.attributes).toMatchObject(attributes)
  })

  it("as JSON has ids in hexadecimal, and in protobuf's form in base64", () => {
    const [first] = resourceSpansJson(otlpTrace(shopTrace())) as Told
    expect(first!.scopeSpans[0].spans[0]).toMatchObject({
      traceId: "00000000000000000000000000000064",
      spanId: "0000000000000064",
      kind: 3,
      startTimeUnixNano: "1790000000000000000",
      status: {},
    })
    const [other] = resourceSpansJson(otlpTrace(shopTrace()), "protobuf") as Told
    expect(other!.scopeSpans[0].spans[0]).toMatchObject({ spanId: "AAAAAAAAAGQ=", kind: "SPAN_KIND_CLIENT" })
  })
})

/** Fields of a message as `[number, value]`; messages and texts as hexadecimal digits. */
const fieldsOf = (bytes: Uint8Array): ReadonlyArray<readonly [number, string]> => {
  const fields: Array<readonly [number, string]> = []
  let at = 0
  const varint = (): bigint => {
    let value = 0n
    for (let shift = 0n; ; shift += 7n) {
      const byte = BigInt(bytes[at++]!)
      value |= (byte & 0x7fn) << shift
      if (byte < 0x80n) return value
    }
  }
  while (at < bytes.length) {
    const key = Number(varint())
    if ((key & 7) === 0) fields.push([key >> 3, String(varint())])
    else {
      const length = (key & 7) === 1 ? 8 : Number(varint())
      fields.push([key >> 3, Buffer.from(bytes.subarray(at, at + length)).toString("hex")])
      at += length
    }
  }
  return fields
}

describe("protobuf", () => {
  it("writes the wire format's own examples", () => {
    const hex = (write: (writer: ProtobufWriter) => void): string => {
      const writer = new ProtobufWriter()
      write(writer)
      return Buffer.from(writer.finish()).toString("hex")
    }
    expect(hex((writer) => writer.integer(1, 150))).toBe("089601")
    expect(hex((writer) => writer.text(2, "testing"))).toBe("120774657374696e67")
    expect(hex((writer) => writer.message(3, (inner) => inner.integer(1, 150)))).toBe("1a03089601")
    expect(hex((writer) => writer.integer(1, -1))).toBe("08ffffffffffffffffff01")
    expect(hex((writer) => writer.integer(1, 0).text(2, "").bytes(3, new Uint8Array()).fixed64(4, 0n))).toBe(
      "",
    )
    expect(hex((writer) => writer.fixed64(7, 1n))).toBe("390100000000000000")
    expect(hex((writer) => writer.chosenDouble(4, 1))).toBe("21000000000000f03f")
    expect(hex((writer) => writer.text(1, "x".repeat(1_000))).length).toBe(2 * (1 + 2 + 1_000))
  })

  it("has every span with its ids", () => {
    const resources = otlpTrace(shopTrace())
    const writer = new ProtobufWriter()
    writeResourceSpans(writer, resources)
    const message = (hex: string) => fieldsOf(Buffer.from(hex, "hex"))
    const spans = fieldsOf(writer.finish())
      .flatMap(([, resourceSpans]) => message(resourceSpans).filter(([field]) => field === 2))
      .flatMap(([, scopeSpans]) => message(scopeSpans).filter(([field]) => field === 2))
      .map(([, span]) => new Map(message(span)))
    expect(spans.map((span) => [span.get(1), span.get(2), span.get(4) ?? "", span.get(6)])).toEqual(
      resources.flatMap((resource) =>
        resource.spans.map((span) => [span.traceId, span.spanId, span.parentSpanId, String(span.kind)]),
      ),
    )
  })
})
