import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import { TcpFlag } from "../../agent/capture/packet/Packet.ts"
import { packetStreams } from "../../agent/capture/packetStreams.ts"
import { clientIsn, Play } from "../../agent/flow/tcp/streams.testing.ts"
import { Pipeline } from "../../agent/Pipeline.ts"
import { CaptureSummary } from "./CaptureSummary.ts"
import { DurationCounts } from "./DurationCounts.ts"
import { summaryTables } from "./replayTables.ts"

const push = { flags: TcpFlag.psh | TcpFlag.ack }

/** Connections to ports 80 and up, one for each status, answered after so many milliseconds. */
const summaryOf = (answers: ReadonlyArray<readonly [port: number, status: number, ms: number]>) => {
  const summary = new CaptureSummary()
  const pipeline = new Pipeline({
    maskLiterals: true,
    sessionTimeoutUs: 120_000_000,
    maxConnections: 16_384,
    flowIdSeed: 0,
    emit: () => {},
    onSession: (session, connection) => summary.session(session, connection),
  })
  const play = new Play({
    consumer: packetStreams({ connections: pipeline.connections }),
    onFlowEnd: (flow) => summary.flow(flow),
  })
  answers.forEach(([port, status, ms], at) => {
    const request = `GET /${at} HTTP/1.1\r\nHost: h\r\n\r\n`
    const from = { fromPort: 40_000 + at, toPort: port }
    play.client(0, request, { ...push, ...from })
    summary.packet(play.timeUs, 100)
    play.server(
      0,
      `HTTP/1.1 ${status} X\r\nContent-Length: 0\r\n\r\n`,
      { ...push, fromPort: port, toPort: 40_000 + at, ack: clientIsn + 1 + request.length },
      ms * 1_000,
    )
    summary.packet(play.timeUs, 100)
  })
  play.end()
  return summary.result()
}

describe("CaptureSummary", () => {
  it("tells rate, errors and durations of services and protocols, and the slowest requests", () => {
    const result = summaryOf([
      [80, 200, 10],
      [80, 404, 30],
      [81, 500, 20],
    ])
    expect(result).toMatchObject({ flows: 3, failed: 0, packets: 6, bytes: 600, retransmissions: 0 })
    expect(result.services).toMatchObject([
      { service: "10.0.0.2:80", protocol: "HTTP", requests: 2, errors: 1, max_us: 30_000 },
      { service: "10.0.0.2:81", protocol: "HTTP", requests: 1, errors: 1, max_us: 20_000 },
    ])
    expect(result.protocols).toMatchObject([{ protocol: "HTTP", requests: 3, errors: 2 }])
    expect(result.slowest.map((row) => row["rrt_us"])).toEqual([30_000, 20_000, 10_000])
    const text = summaryTables(result)
    for (const word of ["10.0.0.2:81", "SLOWEST REQUESTS", "30.00 ms", "GET"]) expect(text).toContain(word)
  })

  it("keeps ten slowest and a bounded number of services", () => {
    const many = Array.from({ length: 5_000 }, (_, at) => [1 + at, 200, 1 + (at % 50)] as const)
    const result = summaryOf(many)
    expect(result.slowest).toHaveLength(10)
    expect(result.slowest.every((row) => row["rrt_us"] === 50_000)).toBe(true)
    expect(result.services).toHaveLength(4_097)
    expect(result.services.reduce((sum, { requests }) => sum + requests, 0)).toBe(5_000)
    expect(result.services[0]).toMatchObject({ service: "other", requests: 904 })
  })
})

describe("DurationCounts", () => {
  it("is right to a twentieth", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 3_600_000_000 }), { minLength: 1 }), (durations) => {
        const counts = new DurationCounts()
        for (const us of durations) counts.add(us)
        const sorted = durations.toSorted((a, b) => a - b)
        for (const q of [0.5, 0.95, 1]) {
          const exact = sorted[Math.ceil(sorted.length * q) - 1]!
          expect(Math.abs(counts.quantile(q) - exact)).toBeLessThanOrEqual(Math.max(1, exact * 0.051))
        }
      }),
    )
  })
})
