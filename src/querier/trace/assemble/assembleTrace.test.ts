import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import { bothEnds, drawn, from, spanRowOf } from "../rows.testing.ts"
import type { SpanRow } from "../SpanRow.ts"
import { assembleTrace } from "./assembleTrace.ts"

/** curl (1) -> gateway (2) -> shop (3) -> Redis (4), all on agent 1, each process with a causal id of its own. */
const chain = () => {
  const [a0, a1] = bothEnds({ endpoint: "/a", endUs: 1_000, clientPid: 1, serverPid: 2, requestTcpSeq: 11 })
  const [b0, b1] = bothEnds({
    endpoint: "/b",
    startUs: 100,
    endUs: 900,
    clientPid: 2,
    serverPid: 3,
    requestTcpSeq: 12,
  })
  const [c0, c1] = bothEnds({
    endpoint: "k",
    startUs: 200,
    endUs: 300,
    clientPid: 3,
    serverPid: 4,
    requestTcpSeq: 13,
  })
  const [d0, d1] = bothEnds({
    endpoint: "l",
    startUs: 400,
    endUs: 500,
    clientPid: 3,
    serverPid: 4,
    requestTcpSeq: 14,
  })
  return [
    a0,
    { ...a1, causalRequest: "20", causalResponse: "20" },
    { ...b0, causalRequest: "20", causalResponse: "20" },
    { ...b1, causalRequest: "30", causalResponse: "30" },
    { ...c0, causalRequest: "30", causalResponse: "30" },
    { ...c1, causalRequest: "40", causalResponse: "40" },
    { ...d0, causalRequest: "30", causalResponse: "30" },
    { ...d1, causalRequest: "41", causalResponse: "41" },
  ]
}

const chainDrawn = [
  "c-p /a",
  "  s-p /a <tcp_seq",
  "    c-p /b <causal_id",
  "      s-p /b <tcp_seq",
  "        c-p k <causal_id",
  "          s-p k <tcp_seq",
  "        c-p l <causal_id",
  "          s-p l <tcp_seq",
]

describe("a trace without any trace id", () => {
  it("is the same from every one of its rows", () => {
    const rows = chain()
    for (const row of rows) {
      const trace = assembleTrace(rows, { rowId: row.id })
      expect(drawn(trace)).toEqual(chainDrawn)
      expect(trace.spans[trace.asked]!.row).toEqual(row)
      expect(trace.limits).toEqual([])
    }
  })

  it("says of each link why it is there", () => {
    const rows = chain()
    const names = new Map(rows.map(({ id }) => [id, "shop"]))
    const { spans } = assembleTrace(rows, { rowId: rows[0]!.id }, names)
    expect(spans.map(({ link }) => link?.text ?? "")).toEqual([
      "",
      "same TCP sequence on both ends",
      "same causal id 20 in process shop (2)",
      "same TCP sequence on both ends",
      "same causal id 30 in process shop (3)",
      "same TCP sequence on both ends",
      "same causal id 30 in process shop (3)",
      "same TCP sequence on both ends",
    ])
    expect(spans.map(({ link }) => link?.confidence ?? "")).toEqual([
      "",
      "certain",
      "strong",
      "certain",
      "strong",
      "certain",
      "strong",
      "certain",
    ])
  })

  it.each(chain().map((_, missing) => missing))(
    "breaks where row %i is missing, and nowhere else",
    (missing) => {
      const rows = chain().filter((_, at) => at !== missing)
      const trees = new Set(
        rows.flatMap((row) => drawn(assembleTrace(rows, { rowId: row.id })).map((line) => line.trim())),
      )
      const whole = chainDrawn.map((line) => line.trim()).filter((_, at) => at !== missing)
      const children = chainDrawn.flatMap((line, at) => {
        const depth = line.search(/\S/)
        const parent = chainDrawn.slice(0, at).findLastIndex((other) => other.search(/\S/) === depth - 2)
        return at !== missing && parent === missing ? [at] : []
      })
      const expected = new Set(
        whole.map((line) =>
          children.some((at) => chainDrawn[at]!.trim() === line) ? line.replace(/ <.*/, "") : line,
        ),
      )
      expect(trees).toEqual(expected)
    },
  )

  it("has the ways of packets between the processes", () => {
    const [client, server] = bothEnds({ endUs: 1_000, requestTcpSeq: 5, serverPid: 2 }, { lateUs: 100 })
    const way = ["c", "c-nd", "s-nd", "s"].map((point, at) => ({
      ...client,
      id: `way ${at}`,
      point,
      startUs: 20 * (at + 1),
      endUs: 1_000 - 20 * (at + 1),
      clientPid: 0,
      serverPid: 0,
    }))
    const next = spanRowOf({ startUs: 300, endUs: 400, clientPid: 2, causalRequest: "9", endpoint: "k" })
    const rows = [next, ...way.toReversed(), { ...server, causalRequest: "9" }, client]
    expect(drawn(from(next, ...rows))).toEqual([
      "c-p /",
      "  c / <tcp_seq",
      "    c-nd / <tcp_seq",
      "      s-nd / <tcp_seq",
      "        s / <tcp_seq",
      "          s-p / <tcp_seq",
      "            c-p k <causal_id",
    ])
  })
})

describe("causal ids", () => {
  const server = (row: Partial<SpanRow>) =>
    spanRowOf({ point: "s-p", serverPid: 3, causalRequest: "7", endUs: 1_000, ...row })
  const client = (row: Partial<SpanRow>) =>
    spanRowOf({
      point: "c-p",
      clientPid: 3,
      causalRequest: "7",
      startUs: 10,
      endUs: 20,
      clientPort: 5,
      ...row,
    })

  it("mean nothing on another agent or in another process", () => {
    const one = server({})
    expect(from(one, client({})).spans).toHaveLength(2)
    expect(from(one, client({ agent: 2 })).spans).toHaveLength(1)
    expect(from(one, client({ clientPid: 4 })).spans).toHaveLength(1)
    expect(from(one, client({ causalRequest: "8" })).spans).toHaveLength(1)
    expect(from(one, client({ causalRequest: "" })).spans).toHaveLength(1)
  })

  it("lead to no request that began later", () => {
    const call = client({ startUs: -1 })
    expect(drawn(from(call, server({})))).toEqual(["c-p /"])
  })

  it("lead to the latest of several requests", () => {
    const call = client({ startUs: 500 })
    const rows = [
      server({ endpoint: "/first" }),
      server({ startUs: 400, endpoint: "/second" }),
      server({ startUs: 600 }),
    ]
    expect(drawn(from(call, ...rows))).toEqual(["s-p /second", "  c-p / <causal_id"])
  })

  it("tie no calls together without a request: a loop that polls is many traces", () => {
    const polls = Array.from({ length: 50 }, (_, n) => client({ startUs: n * 100, endUs: n * 100 + 10 }))
    const trace = from(polls[7]!, ...polls)
    expect(trace.spans).toHaveLength(1)
    expect(trace.limits[0]!.text).toBe(
      "49 more spans share an id with this trace; no link leads to them, so they are left out",
    )
  })

  it("follow work that goes on after the answer", () => {
    const late = client({ startUs: 5_000, endUs: 9_000 })
    expect(drawn(from(late, server({})))).toEqual(["s-p /", "  c-p / <causal_id"])
  })

  it("stand below the message of a broker that they are made for, and no other", () => {
    const push = { type: 1, requestTcpSeq: 0, clientPid: 6, l7Protocol: 104, serverPid: 9 }
    const deliveries = ["7", "8"].map((causalResponse, at) =>
      spanRowOf({
        ...push,
        causalResponse,
        responseTcpSeq: 70 + at,
        startUs: at * 100,
        endUs: at * 100,
        endpoint: `message ${causalResponse}`,
      }),
    )
    const calls = ["7", "7", "8"].map((causalRequest, at) =>
      spanRowOf({
        clientPid: 6,
        causalRequest,
        startUs: 10 + at * 50,
        endUs: 40 + at * 50,
        endpoint: `/${at}`,
      }),
    )
    const rows = [...calls, ...deliveries]
    const seven = ["c-p message 7", "  c-p /0 <causal_id", "  c-p /1 <causal_id"]
    expect(drawn(from(deliveries[0]!, ...rows))).toEqual(seven)
    expect(drawn(from(calls[1]!, ...rows))).toEqual(seven)
    expect(drawn(from(calls[2]!, ...rows))).toEqual(["c-p message 8", "  c-p /2 <causal_id"])
  })

  it("are not believed where the process hands trace ids on and they say otherwise", () => {
    const [one, other] = [
      server({ traceId: "a", endpoint: "/a" }),
      server({ traceId: "b", endpoint: "/b", causalRequest: "8" }),
    ]
    const call = client({ traceId: "b" })
    expect(drawn(from(call, one, other))).toEqual(["s-p /b", "  c-p / <trace_id"])
    // A gateway begins traces of its own: nothing contradicts.
    expect(drawn(from(call, one))).toEqual(["s-p /a", "  c-p / <causal_id"])
  })
})

describe("ids that programs hand on", () => {
  const trace = { traceId: "t" }

  it("stand above the causal id: the parent that a call names", () => {
    const [one, other] = [
      spanRowOf({ ...trace, point: "s-p", serverPid: 3, spanId: "1", endUs: 900, endpoint: "/1" }),
      spanRowOf({
        ...trace,
        point: "s-p",
        serverPid: 3,
        spanId: "2",
        endUs: 900,
        endpoint: "/2",
        causalRequest: "7",
      }),
    ]
    const call = spanRowOf({
      ...trace,
      clientPid: 3,
      startUs: 10,
      causalRequest: "7",
      spanId: "3",
      parentSpanId: "1",
    })
    expect(drawn(from(call, one, other))).toEqual(["s-p /1", "  c-p / <parent_span_id", "s-p /2"])
  })

  it("decide by trace id only where one request fits", () => {
    const server = (row: Partial<SpanRow>) =>
      spanRowOf({ ...trace, point: "s-p", serverPid: 3, endUs: 900, ...row })
    const call = spanRowOf({ ...trace, clientPid: 3, startUs: 10, endpoint: "k" })
    expect(drawn(from(call, server({})))).toEqual(["s-p /", "  c-p k <trace_id"])
    expect(drawn(from(call, server({}), server({ startUs: 1, flowId: "2" })))).toEqual([
      "s-p /",
      "s-p /",
      "c-p k",
    ])
    expect(drawn(from(call, server({ endUs: 5 })))).toEqual(["s-p /", "c-p k"])
    expect(drawn(from(call, server({ serverPid: 4 })))).toEqual(["s-p /", "c-p k"])
  })

  it("are followed by X-Request-ID within a process", () => {
    const server = spanRowOf({ point: "s-p", serverPid: 3, endUs: 900, xRequestId0: "x" })
    const call = spanRowOf({ clientPid: 3, startUs: 10, xRequestId0: "x", endpoint: "k" })
    const made = spanRowOf({ point: "s-p", serverPid: 3, endUs: 900, xRequestId1: "x" })
    expect(drawn(from(call, server))).toEqual(["s-p /", "  c-p k <x_request_id"])
    // The proxy made the id: the request came without, the response tells it.
    expect(drawn(from(call, made))).toEqual(["s-p /", "  c-p k <x_request_id"])
    expect(drawn(from({ ...call, startUs: 901 }, server))).toEqual(["c-p k"])
  })

  it("that a retry sends again leave the retries apart, each with its own calls", () => {
    const retry = (n: number) => {
      const [client, server] = bothEnds(
        {
          startUs: n * 1_000,
          endUs: n * 1_000 + 500,
          requestTcpSeq: 10 + n,
          xRequestId0: "x",
          endpoint: `/${n}`,
          serverPid: 3,
        },
        {},
      )
      const call = spanRowOf({
        startUs: n * 1_000 + 50,
        endUs: n * 1_000 + 90,
        xRequestId0: "x",
        clientPid: 3,
        clientPort: 9 + n,
        endpoint: `k${n}`,
      })
      return [client, server, call]
    }
    const rows = [0, 1, 2].flatMap(retry)
    expect(drawn(from(rows[4]!, ...rows))).toEqual([
      "c-p /1",
      "  s-p /1 <tcp_seq",
      "    c-p k1 <x_request_id",
    ])
  })
})

describe("a proxy without an agent", () => {
  const arrived = (row: Partial<SpanRow> = {}) =>
    spanRowOf({ endUs: 1_000, serverIp: "10.0.0.9", serverPid: 0, xRequestId1: "x", endpoint: "/in", ...row })
  const sent = (row: Partial<SpanRow> = {}) =>
    spanRowOf({
      agent: 2,
      point: "s-p",
      clientIp: "10.0.0.9",
      clientPid: 0,
      serverPid: 7,
      startUs: 100,
      endUs: 900,
      xRequestId0: "x",
      endpoint: "/out",
      ...row,
    })

  it("is passed by X-Request-ID where addresses and times agree", () => {
    const [one, other] = [arrived(), sent()]
    expect(drawn(from(other, one))).toEqual(["c-p /in", "  s-p /out <x_request_id"])
    expect(from(other, one).spans[1]!.link!.confidence).toBe("likely")
  })

  it("is passed by the span id that it leaves as it is", () => {
    const ids = { traceId: "t", spanId: "5" }
    const [one, other] = [arrived({ ...ids, xRequestId1: "" }), sent({ ...ids, xRequestId0: "" })]
    expect(drawn(from(other, one))).toEqual(["c-p /in", "  s-p /out <span_id"])
  })

  it.each<readonly [string, SpanRow, SpanRow]>([
    ["at another address", arrived({ serverIp: "10.0.0.8" }), sent()],
    ["before the request came", arrived({ startUs: 50_000, endUs: 60_000 }), sent()],
    ["for longer than the request took", arrived(), sent({ endUs: 50_000 })],
    ["with another id", arrived(), sent({ xRequestId0: "y" })],
  ])("is not passed %s", (_, one, other) => {
    expect(drawn(from(other, one))).toEqual(["s-p /out"])
  })

  it("on this host is not passed by another process", () => {
    const local = { agent: 1, clientIp: "127.0.0.1", serverIp: "127.0.0.1", traceId: "t", spanId: "5" }
    const one = spanRowOf({
      ...local,
      point: "s-p",
      endUs: 1_000,
      clientPid: 1,
      serverPid: 2,
      endpoint: "/1",
    })
    const other = spanRowOf({
      ...local,
      startUs: 10,
      clientPid: 1,
      serverPid: 2,
      clientPort: 9,
      endpoint: "/2",
    })
    expect(drawn(from(one, other))).toEqual(["s-p /1", "c-p /2"])
  })

  it("is not passed where two requests fit", () => {
    const other = sent()
    expect(drawn(from(other, arrived(), arrived({ clientPort: 9 })))).toEqual(["s-p /out"])
  })
})

describe("rows that tell of one thing", () => {
  it("that were stored twice are one span", () => {
    const [client, server] = bothEnds({})
    const again = { ...client, id: "again" }
    const { spans } = from(again, client, server)
    expect(spans.map(({ otherIds, row }) => [row.point, otherIds.length])).toEqual([
      ["c-p", 1],
      ["s-p", 0],
    ])
    expect(from(again, client, server).asked).toBe(0)
  })

  it("a request and its response by the id on the wire are one span", () => {
    const half = { flowId: "5", requestId: "9", requestTcpSeq: 0, responseTcpSeq: 0 }
    const request = spanRowOf({ ...half, type: 0, startUs: 5, endUs: 5, requestTcpSeq: 3 })
    const response = spanRowOf({ ...half, type: 1, startUs: 70, endUs: 80, responseTcpSeq: 4 })
    const { spans } = from(response, request)
    expect(spans).toHaveLength(1)
    expect(spans[0]).toMatchObject({ startUs: 5, endUs: 80, otherIds: [response.id] })
    expect(spans[0]!.row).toMatchObject({ type: 2, requestTcpSeq: 3, responseTcpSeq: 4 })
    expect(from(response, { ...request, flowId: "6" }).spans).toHaveLength(1)
    expect(from(response, { ...request, flowId: "6" }).spans[0]!.otherIds).toEqual([])
  })
})

describe("a trace by its trace id", () => {
  it("has every tree that carries it", () => {
    const rows = [
      ...bothEnds({ traceId: "t", requestTcpSeq: 1, endpoint: "/1" }),
      ...bothEnds({ traceId: "t", requestTcpSeq: 2, startUs: 500, endUs: 600, endpoint: "/2" }),
      ...bothEnds({ requestTcpSeq: 3, endpoint: "/3" }),
    ]
    const trace = assembleTrace(rows, { traceId: "t" })
    expect(drawn(trace)).toEqual(["c-p /1", "  s-p /1 <tcp_seq", "c-p /2", "  s-p /2 <tcp_seq"])
    expect(trace.asked).toBe(-1)
    expect(assembleTrace(rows, { traceId: "u" }).spans).toEqual([])
  })
})

describe("whatever rows there are", () => {
  const few = <Value>(...values: ReadonlyArray<Value>) => fc.constantFrom(...values)
  const any = fc.record({
    agent: few(1, 2),
    point: few("c-p", "s-p", "c-p", "s-p", "c", "s", "local", "app", "c-app", "s-app"),
    type: few(0, 1, 2),
    startUs: fc.integer({ min: -1_000, max: 1_000 }),
    endUs: fc.integer({ min: -1_000, max: 2_000 }),
    flowId: few("", "1"),
    clientIp: few("10.0.0.1", "10.0.0.2"),
    clientPid: few(0, 1, 2),
    serverPid: few(0, 1, 2),
    requestTcpSeq: few(0, 1, 2),
    responseTcpSeq: few(0, 1),
    requestId: few("", "1"),
    causalRequest: few("", "1", "2"),
    causalResponse: few("", "1", "2"),
    xRequestId0: few("", "x"),
    xRequestId1: few("", "x"),
    traceId: few("", "t", "u"),
    spanId: few("", "1", "2", "3"),
    parentSpanId: few("", "1", "2", "3"),
    programKind: few(0, 1, 2, 3),
  })

  it("they are a forest in order, each row at most once, with a reason for every link", () => {
    fc.assert(
      fc.property(fc.array(any, { minLength: 1, maxLength: 40 }), (given) => {
        const rows = given.map(spanRowOf)
        const { asked, spans } = assembleTrace(rows, { rowId: rows[0]!.id })
        const ids = spans.flatMap(({ otherIds, row }) => [row.id, ...otherIds])
        expect(new Set(ids).size).toBe(ids.length)
        expect(spans[asked]).toBeDefined()
        spans.forEach(({ children, depth, endUs, link, parent, selfUs, startUs }, at) => {
          expect(parent).toBeLessThan(at)
          expect(link === null).toBe(parent === -1)
          expect(depth).toBe(parent === -1 ? 0 : spans[parent]!.depth + 1)
          for (const child of children) expect(spans[child]!.parent).toBe(at)
          expect(selfUs).toBeGreaterThanOrEqual(0)
          expect(selfUs).toBeLessThanOrEqual(endUs - startUs)
        })
      }),
      { numRuns: 500 },
    )
  })

  it("thousands of them take no time to speak of", () => {
    const [root] = bothEnds({ point: "s-p", endUs: 1e9 })
    const server = { ...root, point: "s-p", serverPid: 3, causalRequest: "7", endUs: 1e9 }
    const calls = Array.from({ length: 5_000 }, (_, n) =>
      bothEnds(
        {
          startUs: n * 100,
          endUs: n * 100 + 50,
          requestTcpSeq: 10_000 + n,
          causalRequest: "7",
          clientPid: 3,
          clientPort: 77,
          serverPid: 4,
        },
        { server: { causalRequest: "" } },
      ),
    ).flat()
    const trace = from(server, ...calls)
    expect(trace.spans).toHaveLength(10_001)
  })
})
