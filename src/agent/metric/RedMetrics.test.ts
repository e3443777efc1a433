import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import type { ColumnBatch } from "../../model/ColumnBatch.ts"
import { emptyMessage, RecordType, ResponseStatus } from "../../model/L7Session.ts"
import { L7Protocol } from "../../model/protocol.ts"
import { Connection, Side } from "../flow/Connection.ts"
import { systemCalls } from "../flow/connections.testing.ts"
import { type Session, SessionEnd } from "../flow/Session.ts"
import { makePairBudget } from "../flow/SessionPairs.ts"
import { makeProtocols } from "../protocol/protocols.ts"
import { RedMetrics } from "./RedMetrics.ts"

const context = { protocols: makeProtocols(), budget: makePairBudget(), onSession: () => {} }
const connectionOf = (service = "local", client: Side = Side.a) =>
  new Connection(1, 1, systemCalls(client, service), context)

const session = (
  endpoint: string,
  startUs: number,
  durationUs: number,
  status: ResponseStatus = ResponseStatus.ok,
): Session => {
  const request = emptyMessage(RecordType.request, L7Protocol.http1, startUs, 0)
  request.endpoint = endpoint
  const response = emptyMessage(RecordType.response, L7Protocol.http1, startUs + durationUs, 0)
  response.status = status
  const isTimeout = status === ResponseStatus.timeout
  const end = isTimeout ? SessionEnd.timeout : SessionEnd.paired
  return {
    request,
    response: isTimeout ? null : response,
    end,
    requestThread: 0,
    requestCoroutine: 0,
    requestNumber: 0,
    responseThread: 0,
    responseCoroutine: 0,
    responseNumber: 0,
    cause: null,
  }
}

const rowsOf = (...batches: ReadonlyArray<ColumnBatch<"application"> | null>) =>
  batches.flatMap((batch) =>
    batch === null
      ? []
      : Array.from({ length: batch.rows }, (_, row) =>
          Object.fromEntries(
            Object.entries(batch.columns)
              .filter(([name]) => name !== "ip")
              .map(([name, data]) => [name, (data as ArrayLike<unknown>)[row]]),
          ),
        ),
  )
const second = 1_000_000
const base = 1_700_000_040

describe("RedMetrics", () => {
  it("counts rate, errors and duration for each endpoint", () => {
    const red = new RedMetrics()
    const connection = connectionOf()
    const at = (base + 5) * second
    red.add(session("/a", at, 100), connection, at)
    red.add(session("/a", at + 10, 300, ResponseStatus.serverError), connection, at)
    red.add(session("/b", at, 50, ResponseStatus.clientError), connection, at)
    red.add(session("/b", at, 0, ResponseStatus.timeout), connection, at)
    expect(red.flush(at + 2.9 * second)).toBeNull()
    const rows = rowsOf(red.flush(at + 3 * second))
    const common = {
      time: base + 5,
      interval: 1,
      role: 0,
      l7_protocol: 20,
      signal_source: 3,
      server_port: 80,
      process_id: 100,
    }
    expect(rows).toMatchObject([
      {
        ...common,
        gprocess: "local",
        endpoint: "/a",
        request: 2,
        response: 2,
        rrt_max: 300,
        rrt_sum: 400,
        rrt_count: 2,
        server_error: 1,
      },
      {
        ...common,
        endpoint: "/b",
        request: 2,
        response: 1,
        rrt_count: 1,
        client_error: 1,
        server_error: 0,
        timeout: 1,
      },
    ])
    expect(red.flush(at + 4 * second)).toBeNull()
    expect(red.flush((base + 61) * second)).toBeNull()
    expect(rowsOf(red.flush((base + 62) * second))).toMatchObject([
      { time: base, interval: 60, endpoint: "/a", request: 2 },
      { time: base, interval: 60, endpoint: "/b", request: 2 },
    ])
  })

  it("takes the observed side: the server's address and process in role 1", () => {
    const red = new RedMetrics()
    red.add(session("/", base * second, 1), connectionOf("web", Side.b), base * second)
    expect(rowsOf(red.flushAll())[0]).toMatchObject({
      role: 1,
      gprocess: "web",
      process_id: 100,
      server_port: 40_000,
    })
  })

  it("puts sessions into the second of their request while it is open, then into the current one", () => {
    const red = new RedMetrics({ delaySeconds: 2 })
    const connection = connectionOf()
    const add = (startSecond: number, nowSecond: number) =>
      red.add(session("/", (base + startSecond) * second, 1), connection, (base + nowSecond) * second)
    add(0, 0)
    add(0, 2)
    const first = red.flush((base + 3) * second)
    add(0, 4)
    add(4, 4)
    const perSecond = rowsOf(first, red.flush((base + 7) * second)).map((row) => [
      Number(row["time"]) - base,
      row["request"],
    ])
    expect(perSecond).toEqual([
      [0, 2],
      [4, 2],
    ])
    expect(red.late).toEqual({ seconds: 1, minutes: 0 })
  })

  it("bounds endpoints of a service, all endpoints, and services", () => {
    const red = new RedMetrics({ maxEndpointsPerScope: 3, maxSeries: 5, maxScopes: 2 })
    const at = base * second
    for (const service of ["a", "b", "c", "d"]) {
      const connection = connectionOf(service)
      for (let i = 0; i < 10; i++) red.add(session(`/${i}`, at, 1), connection, at)
    }
    expect(red.series).toBe(5)
    const rows = rowsOf(red.flush(at + 3 * second))
    const found = rows.map((row) => `${row["gprocess"]} ${row["endpoint"]} ${row["request"]}`)
    expect(found.sort()).toEqual([
      "a /0 1", "a /1 1", "a /2 1", "a other 7", "b /0 1", "b /1 1", "b other 8", "other other 20",
    ]) // prettier-ignore
    expect(red.counters).toEqual({ sessions: 40, overflows: 35 })
  })

  it("forgets what is idle and counts on when it returns", () => {
    const red = new RedMetrics({ idleSeconds: 100 })
    const connection = connectionOf()
    red.add(session("/", base * second, 1), connection, base * second)
    red.flush((base + 200) * second)
    expect(red.series).toBe(0)
    red.add(session("/", (base + 300) * second, 1), connection, (base + 300) * second)
    expect(red.series).toBe(1)
    expect(rowsOf(red.flush((base + 303) * second))).toMatchObject([{ time: base + 300, request: 1 }])
  })

  it("has services that were used a minute ago make room for others", () => {
    const red = new RedMetrics({ maxScopes: 1 })
    for (const [service, after] of [
      ["a", 0],
      ["b", 20],
      ["c", 90],
    ] as const) {
      const at = (base + after) * second
      red.add(session("/", at, 1), connectionOf(service), at)
      red.flush((base + after + 3) * second)
    }
    const rows = rowsOf(red.flushAll())
    expect(rows.map((row) => `${row["gprocess"]} ${row["interval"]}`)).toEqual(["c 60"])
    // Of "b" there was no room, in its second and in its minute.
    expect(red.counters.overflows).toBe(1)
  })

  it("loses nothing and doubles nothing: sessions in = sum of the 1 s rows = sum of the 1 m rows", () => {
    const event = fc.record({
      service: fc.constantFrom("a", "b", "c"),
      endpoint: fc.constantFrom("/1", "/2", "/3", "/4"),
      startedAgo: fc.nat({ max: 130 }),
      passed: fc.nat({ max: 9 }),
      status: fc.constantFrom(ResponseStatus.ok, ResponseStatus.serverError, ResponseStatus.timeout),
      flushes: fc.boolean(),
    })
    fc.assert(
      fc.property(fc.array(event, { maxLength: 200 }), (events) => {
        const red = new RedMetrics({ maxEndpointsPerScope: 2, maxScopes: 2, maxSeries: 3, idleSeconds: 20 })
        const connections = new Map(["a", "b", "c"].map((name) => [name, connectionOf(name)]))
        const batches: Array<ColumnBatch<"application"> | null> = []
        let now = base
        for (const { service, endpoint, startedAgo, passed, status, flushes } of events) {
          now += passed
          const connection = connections.get(service) as Connection
          red.add(session(endpoint, (now - startedAgo) * second, 5, status), connection, now * second)
          if (flushes) batches.push(red.flush(now * second))
        }
        batches.push(red.flushAll())
        const rows = rowsOf(...batches)
        for (const interval of [1, 60]) {
          const sum = (column: string) =>
            rows
              .filter((row) => row["interval"] === interval)
              .reduce((total, row) => total + Number(row[column]), 0)
          const timeouts = events.filter(({ status }) => status === ResponseStatus.timeout).length
          expect(sum("request")).toBe(events.length)
          expect(sum("response")).toBe(events.length - timeouts)
          expect(sum("rrt_sum")).toBe(5 * (events.length - timeouts))
          expect(sum("timeout")).toBe(timeouts)
          expect(sum("server_error")).toBe(
            events.filter(({ status }) => status === ResponseStatus.serverError).length,
          )
        }
        const keys = rows.map(
          (row) => `${row["interval"]} ${row["time"]} ${row["gprocess"]} ${row["endpoint"]}`,
        )
        expect(new Set(keys).size).toBe(keys.length)
      }),
    )
  })
})
