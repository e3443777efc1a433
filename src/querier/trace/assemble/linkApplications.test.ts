// Spans that programs report themselves, among the calls that were seen.

import { describe, expect, it } from "vitest"
import { bothEnds, drawn, from, spanRowOf } from "../rows.testing.ts"
import type { SpanRow } from "../SpanRow.ts"

describe("spans of programs", () => {
  const span = (row: Partial<SpanRow>) =>
    spanRowOf({
      point: "app",
      traceId: "t",
      transport: 0,
      clientPort: 0,
      serverPort: 0,
      clientPid: 0,
      serverPid: 0,
      programKind: 1,
      ...row,
    })

  /** client (1) -> proxy (2) -> server (3): the proxy hands the header on as it is, and traces nothing. */
  const proxied = (pids: readonly [client: number, server: number], causal: string) => {
    const ids = { traceId: "t", spanId: "a" }
    const ask = span({
      point: "c-app",
      programKind: 3,
      spanId: "a",
      clientPid: pids[0],
      endUs: 1_000,
      endpoint: "ask",
    })
    const [a0, a1] = bothEnds({ ...ids, startUs: 10, endUs: 990, endpoint: "/in", requestTcpSeq: 21 })
    const [b0, b1] = bothEnds({
      ...ids,
      startUs: 100,
      endUs: 900,
      clientPid: 2,
      serverPid: 3,
      clientIp: "10.0.0.2",
      serverIp: "10.0.0.3",
      endpoint: "/on",
      requestTcpSeq: 22,
    })
    const handle = span({
      point: "s-app",
      programKind: 2,
      spanId: "b",
      parentSpanId: "a",
      serverPid: pids[1],
      startUs: 120,
      endUs: 800,
      endpoint: "handle",
    })
    const followed = { causalRequest: causal, causalResponse: causal }
    return [handle, { ...b0, ...followed }, b1, a0, { ...a1, ...followed }, ask]
  }

  it.each([
    ["whose processes are known", [1, 3], "20", "causal_id"],
    ["that others handed on", [0, 0], "20", "causal_id"],
    ["whose proxy nobody follows", [1, 3], "", "trace_id"],
  ] as const)(
    "around a proxy, %s, are the first's client and the last's server",
    (_, pids, causal, reason) => {
      const rows = proxied(pids, causal)
      const expected = [
        "c-app ask",
        "  c-p /in <span_id",
        "    s-p /in <tcp_seq",
        `      c-p /on <${reason}`,
        "        s-p /on <tcp_seq",
        "          s-app handle <parent_span_id",
      ]
      for (const row of rows) expect(drawn(from(row, ...rows))).toEqual(expected)
    },
  )

  it("stand around the calls that carry their ids", () => {
    const root = span({ point: "c-app", programKind: 3, spanId: "a", endUs: 1_000, endpoint: "ask" })
    const [client, server] = bothEnds({
      traceId: "t",
      spanId: "a",
      startUs: 10,
      endUs: 990,
      serverPid: 3,
      endpoint: "/",
    })
    const handler = span({
      point: "s-app",
      programKind: 2,
      spanId: "b",
      parentSpanId: "a",
      startUs: 30,
      endUs: 970,
      endpoint: "handle",
    })
    const inner = span({ spanId: "c", parentSpanId: "b", startUs: 40, endUs: 900, endpoint: "work" })
    const redis = spanRowOf({
      clientPid: 3,
      startUs: 50,
      endUs: 60,
      causalRequest: "7",
      endpoint: "k",
      l7Protocol: 80,
    })
    const rows = [inner, handler, redis, { ...server, causalRequest: "7" }, client, root]
    const expected = [
      "c-app ask",
      "  c-p / <span_id",
      "    s-p / <tcp_seq",
      "      s-app handle <parent_span_id",
      "        app work <parent_span_id",
      "          c-p k <causal_id",
    ]
    for (const row of rows) expect(drawn(from(row, ...rows))).toEqual(expected)
    expect(from(redis, ...rows).spans[5]!.link!.text).toBe("same causal id 7 in process 3, within span work")
  })

  it("stand around a message and its delivery, whatever happened between", () => {
    const ids = { traceId: "t", spanId: "a", l7Protocol: 104, requestType: "HPUB" }
    const produce = span({ point: "c-app", programKind: 4, spanId: "a", clientPid: 1, endpoint: "produce" })
    const [p0, p1] = bothEnds({ ...ids, type: 0, startUs: 10, endUs: 20, serverPid: 9, responseTcpSeq: 0 })
    const deliveries = [5, 6].map((pid, at) => {
      const startUs = 5_000_000 + at
      const [client, server] = bothEnds({
        ...ids,
        type: 1,
        requestType: "HMSG",
        requestTcpSeq: 0,
        responseTcpSeq: 70 + at,
        clientPid: pid,
        clientPort: 40_100 + at,
        serverPid: 9,
        startUs,
        endUs: startUs,
        endpoint: `to ${pid}`,
      })
      return [{ ...client, startUs: startUs + 20 }, server]
    })
    const consume = span({
      point: "s-app",
      programKind: 5,
      spanId: "b",
      parentSpanId: "a",
      serverPid: 6,
      startUs: 5_000_100,
      endUs: 5_000_900,
      endpoint: "consume",
    })
    const rows = [consume, ...deliveries.flat(), p1, p0, produce]
    const expected = [
      "c-app produce",
      "  c-p / <span_id",
      "    s-p / <tcp_seq",
      "      s-p to 5 <span_id",
      "        c-p to 5 <tcp_seq",
      "      s-p to 6 <span_id",
      "        c-p to 6 <tcp_seq",
      "          s-app consume <parent_span_id",
    ]
    for (const row of rows) expect(drawn(from(row, ...rows))).toEqual(expected)
    expect(drawn(from(p0, ...rows.slice(1, -1)))).toEqual(
      expected.slice(1, -1).map((line, at) => line.slice(2).replace(at === 0 ? " <span_id" : "", "")),
    )
  })

  it("stand around a message for which its consumer asked, maybe before there was one", () => {
    const ids = { traceId: "t", spanId: "a", l7Protocol: 100, serverPid: 9 }
    const produce = span({ point: "c-app", programKind: 4, spanId: "a", clientPid: 1, endpoint: "produce" })
    const sent = bothEnds({ ...ids, requestType: "Produce", startUs: 10_010, endUs: 10_020, endpoint: "in" })
    const fetched = (pid: number, startUs: number) =>
      bothEnds({
        ...ids,
        requestType: "Fetch",
        requestTcpSeq: 70 + pid,
        clientPid: pid,
        clientPort: 40_100 + pid,
        startUs,
        endUs: startUs + 10_030,
        endpoint: `to ${pid}`,
      })
    const consume = span({
      point: "s-app",
      programKind: 5,
      spanId: "b",
      parentSpanId: "a",
      serverPid: 6,
      startUs: 10_060,
      endUs: 10_090,
      endpoint: "consume",
    })
    // Two get it; what a third one was answered before it was sent is something else.
    const rows = [
      consume,
      ...fetched(5, 500_000),
      ...fetched(6, 0),
      ...fetched(7, -900_000),
      ...sent,
      produce,
    ]
    const expected = [
      "c-p to 7",
      "  s-p to 7 <tcp_seq",
      "c-app produce",
      "  c-p in <span_id",
      "    s-p in <tcp_seq",
      "      c-p to 6 <span_id",
      "        s-p to 6 <tcp_seq",
      "        s-app consume <parent_span_id",
      "      c-p to 5 <span_id",
      "        s-p to 5 <tcp_seq",
    ]
    expect(drawn(from(consume, ...rows))).toEqual(expected)
  })

  it("that run side by side leave it open in which of them a call was made", () => {
    const server = spanRowOf({
      point: "s-p",
      serverPid: 3,
      traceId: "t",
      spanId: "a",
      endUs: 900,
      causalRequest: "7",
    })
    const handler = span({
      point: "s-app",
      programKind: 2,
      spanId: "b",
      parentSpanId: "a",
      endUs: 890,
      endpoint: "handle",
    })
    const tasks = ["1", "2"].map((id) =>
      span({ spanId: id, parentSpanId: "b", startUs: 10, endUs: 800, endpoint: `task${id}` }),
    )
    const call = spanRowOf({ clientPid: 3, startUs: 50, endUs: 60, causalRequest: "7", endpoint: "k" })
    expect(drawn(from(call, server, handler, ...tasks))).toEqual([
      "s-p /",
      "  s-app handle <parent_span_id",
      "    app task1 <parent_span_id",
      "    app task2 <parent_span_id",
      "    c-p k <causal_id",
    ])
  })

  it("of one id at both ends stand on both sides of the call", () => {
    const ids = { traceId: "t", spanId: "a" }
    const client = span({ ...ids, point: "c-app", programKind: 3, endUs: 900, endpoint: "ask" })
    const call = bothEnds({ ...ids, startUs: 10, endUs: 800 })
    const server = span({
      ...ids,
      point: "s-app",
      programKind: 2,
      startUs: 30,
      endUs: 700,
      endpoint: "handle",
    })
    expect(drawn(from(server, client, ...call))).toEqual([
      "c-app ask",
      "  c-p / <span_id",
      "    s-p / <tcp_seq",
      "      s-app handle <span_id",
    ])
  })

  it("whose parents were not stored are roots", () => {
    const rows = [
      span({ spanId: "b", parentSpanId: "a" }),
      span({ spanId: "c", parentSpanId: "b" }),
      span({ spanId: "d", parentSpanId: "x" }),
    ]
    expect(drawn(from(rows[1]!, ...rows))).toEqual(["app /", "  app / <parent_span_id", "app /"])
  })

  it("make no circle, however their ids do", () => {
    const rows = [
      span({ spanId: "a", parentSpanId: "c", endpoint: "a" }),
      span({ spanId: "b", parentSpanId: "a", endpoint: "b" }),
      span({ spanId: "c", parentSpanId: "b", endpoint: "c" }),
      span({ spanId: "d", parentSpanId: "d", endpoint: "d" }),
    ]
    expect(drawn(from(rows[0]!, ...rows))).toEqual([
      "app c",
      "  app a <parent_span_id",
      "    app b <parent_span_id",
      "app d",
    ])
  })
})
