import { describe, expect, it } from "vitest"
import * as fc from "fast-check"
import { bothEnds, spanRowOf } from "../rows.testing.ts"
import type { SpanRow } from "../SpanRow.ts"
import { callsOf } from "./calls.ts"

const points = (rows: ReadonlyArray<SpanRow>): ReadonlyArray<ReadonlyArray<string>> =>
  callsOf(rows).map((call) => call.rows.map((row) => `${rows[row]!.point}${rows[row]!.agent}`))

const seen = { requestTcpSeq: 7, responseTcpSeq: 9 }

describe("places that saw the same call", () => {
  it("stand in the order of its way, whatever the clocks and the order of rows", () => {
    const rows = [
      spanRowOf({ ...seen, point: "s-p", agent: 2, startUs: -5_000 }),
      spanRowOf({ ...seen, point: "s", agent: 2, startUs: -5_001 }),
      spanRowOf({ ...seen, point: "s-nd", agent: 2, startUs: 9 }),
      spanRowOf({ ...seen, point: "rest", agent: 3, startUs: 4 }),
      spanRowOf({ ...seen, point: "c-nd", startUs: 2 }),
      spanRowOf({ ...seen, point: "c", startUs: 1 }),
      spanRowOf({ ...seen, point: "c-p", startUs: 0 }),
    ]
    expect(points(rows)).toEqual([["c-p1", "c1", "c-nd1", "rest3", "s-nd2", "s2", "s-p2"]])
  })

  it.each([
    ["c-p", "c"],
    ["s", "s-p"],
    ["c-p", "s-p"],
    ["c", "s-p"],
    ["local", "s-p"],
    ["c", "s"],
  ])("are fewer where some are missing: %s and %s", (first, second) => {
    expect(
      points([spanRowOf({ ...seen, point: second, startUs: 3 }), spanRowOf({ ...seen, point: first })]),
    ).toEqual([[`${first}1`, `${second}1`]])
  })

  it("are known by the response alone where a request was not seen", () => {
    const [client, server] = bothEnds({}, { server: { type: 1, requestTcpSeq: 0 } })
    expect(points([client, server])).toEqual([["c-p1", "s-p1"]])
  })

  it("are known through translated addresses by both numbers, and not by one", () => {
    const translated = { clientIp: "192.0.2.1", clientPort: 1_234 }
    expect(points(bothEnds({}, { server: translated }))).toEqual([["c-p1", "s-p1"]])
    expect(points(bothEnds({ responseTcpSeq: 0 }, { server: translated }))).toEqual([["c-p1"], ["s-p1"]])
    expect(points(bothEnds({}, { server: { ...translated, endpoint: "/other" } }))).toHaveLength(2)
  })

  it("are known by the id on the wire where there are no sequence numbers", () => {
    const dns = { l7Protocol: 120, transport: 17, requestTcpSeq: 0, responseTcpSeq: 0, requestId: "4711" }
    expect(points(bothEnds(dns))).toEqual([["c-p1", "s-p1"]])
    expect(points(bothEnds(dns, { server: { requestId: "4712" } }))).toHaveLength(2)
    expect(points(bothEnds(dns, { server: { clientPort: 5 } }))).toHaveLength(2)
  })

  it("are known by connection, time and request where nothing else tells", () => {
    const plain = { requestTcpSeq: 0, responseTcpSeq: 0 }
    expect(points(bothEnds(plain))).toEqual([["c-p1", "s-p1"]])
    expect(points(bothEnds(plain, { server: { endpoint: "/other" } }))).toHaveLength(2)
    expect(points(bothEnds(plain, { server: { startUs: 101, endUs: 120 } }))).toHaveLength(2)
    // Had it seen the same bytes, the other end would have numbers, too.
    expect(points(bothEnds(plain, { client: seen }))).toHaveLength(2)
  })
})

describe("calls that only look alike", () => {
  it("on other connections have the same sequence numbers", () => {
    const rows = [
      ...bothEnds({ clientPort: 1 }),
      ...bothEnds({ clientPort: 2, serverPort: 81, endpoint: "/b" }),
    ]
    expect(points(rows)).toEqual([
      ["c-p1", "s-p1"],
      ["c-p1", "s-p1"],
    ])
  })

  it("are the requests of one keep-alive connection", () => {
    const rows = [0, 1, 2, 3].flatMap((n) =>
      bothEnds({ startUs: n * 1_000, endUs: n * 1_000 + 500, requestTcpSeq: 10 + n, responseTcpSeq: 50 + n }),
    )
    expect(points(rows)).toEqual(Array.from({ length: 4 }, () => ["c-p1", "s-p1"]))
  })

  it("come after a sequence number wrapped around", () => {
    const rows = [...bothEnds({}), ...bothEnds({ startUs: 40e6, endUs: 40e6 + 100 })]
    expect(points(rows)).toEqual([
      ["c-p1", "s-p1"],
      ["c-p1", "s-p1"],
    ])
  })

  it("differ in what their bytes say", () => {
    const differences: ReadonlyArray<Partial<SpanRow>> = [
      { requestType: "POST" },
      { l7Protocol: 80 },
      { transport: 17 },
      { requestId: "2" },
      { xRequestId0: "b" },
      { traceId: "b" },
      { spanId: "b" },
    ]
    const full = { requestId: "1", xRequestId0: "a", traceId: "a", spanId: "a" }
    for (const server of differences)
      expect(points(bothEnds(full, { server })), JSON.stringify(server)).toHaveLength(2)
    expect(points(bothEnds({ l7Protocol: 41 }, { server: { l7Protocol: 21 } }))).toHaveLength(1)
  })

  it("stay apart where two fit equally well", () => {
    const plain = { requestTcpSeq: 0, responseTcpSeq: 0, endUs: 20_000 }
    const [first] = bothEnds(plain)
    const [second, server] = bothEnds({ ...plain, startUs: 100 }, { server: { agent: 2 } })
    expect(points([first, second, server])).toEqual([["c-p1"], ["c-p1"], ["s-p2"]])
  })

  it("have every row exactly once, whatever rows there are", () => {
    const few = <Value>(...values: ReadonlyArray<Value>) => fc.constantFrom(...values)
    const any = fc.record({
      point: few("c-p", "c", "rest", "local", "s", "s-p", "c-app", "nonsense"),
      agent: few(1, 2),
      startUs: fc.integer({ min: -1_000, max: 1_000 }),
      endUs: fc.integer({ min: -1_000, max: 2_000 }),
      requestTcpSeq: few(0, 1, 2),
      responseTcpSeq: few(0, 1),
      requestId: few("", "1"),
      clientPort: few(1, 2),
      traceId: few("", "a", "b"),
    })
    fc.assert(
      fc.property(fc.array(any, { maxLength: 40 }), (given) => {
        const rows = given.map(spanRowOf)
        const all = callsOf(rows).flatMap((call) => call.rows)
        const expected = rows.flatMap(({ point }, at) => (point === "c-app" ? [] : [at]))
        expect(all.toSorted((a, b) => a - b)).toEqual(expected)
        for (const call of callsOf(rows))
          for (const point of ["c-p", "s-p"])
            expect(call.rows.filter((row) => rows[row]!.point === point).length).toBeLessThanOrEqual(1)
      }),
    )
  })
})
