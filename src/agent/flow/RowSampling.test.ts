import { Buffer } from "node:buffer"
import { describe, expect, it } from "vitest"
import type { AnyBatch } from "../../model/ColumnBatch.ts"
import { SignalSource } from "../../model/observation.ts"
import { IpProtocol } from "../../model/protocol.ts"
import { Pipeline } from "../Pipeline.ts"
import { Side } from "./Connection.ts"
import { makeEndpoint } from "./Endpoint.ts"
import { processAccount } from "./processAccount.ts"

type Row = Readonly<Record<string, unknown>>

const rowsOf = (batch: AnyBatch): ReadonlyArray<Row> =>
  Array.from({ length: batch.rows }, (_, row) =>
    Object.fromEntries(
      Object.entries(batch.columns).map(([name, data]) => [name, (data as ArrayLike<unknown>)[row]]),
    ),
  )

/** An agent that keeps one of so many, and what it hands out. */
const agent = (sampleOneIn: number) => {
  const rows: Record<string, Array<Row>> = { l7: [], application: [], l4: [], network: [] }
  const pipeline = new Pipeline({
    maskLiterals: true,
    sessionTimeoutUs: 120_000_000,
    maxConnections: 4_096,
    flowIdSeed: 1,
    sampleOneIn,
    emit: (batch) => rows[batch.kind]!.push(...rowsOf(batch)),
  })
  pipeline.tick(1_000_000)
  let sequence = 1
  /** A request and its answer on a connection whose client has this port; `isServer`: seen at the server. */
  const ask = (port: number, headers: string, isServer = false, seq = sequence++) => {
    const key = isServer ? -port : port
    const client = makeEndpoint(new Uint8Array(16).fill(7), 0, port)
    const server = makeEndpoint(new Uint8Array(16).fill(9), 0, 80)
    const [a, b] = isServer ? [server, client] : [client, server]
    const connection =
      pipeline.connections.get(key) ??
      pipeline.connections.open(
        key,
        {
          a,
          b,
          observed: Side.a,
          client: isServer ? Side.b : Side.a,
          signalSource: SignalSource.ebpf,
          isTls: false,
          account: processAccount(IpProtocol.tcp, a, b, isServer ? Side.b : Side.a, 1_000_000),
        },
        1_000_000,
      )
    const say = (sender: Side, text: string, tcpSeq: number) => {
      const bytes = Buffer.from(text)
      connection.feed(
        sender,
        bytes,
        0,
        bytes.length,
        0,
        1_000_000,
        tcpSeq,
        { thread: 1, coroutine: 0, number: 0 },
        0,
      )
    }
    say(connection.client, `GET /${seq} HTTP/1.1\r\n${headers}\r\n`, 0)
    say(isServer ? Side.a : Side.b, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 0)
  }
  const end = () => {
    pipeline.end(2_000_000)
    return { rows, stats: pipeline.stats() }
  }
  return { ask, end, pipeline }
}

const trace = (number: number): string =>
  `traceparent: 00-${number.toString(16).padStart(32, "0")}-b7ad6b7169203331-01\r\n`
const resources = (rows: ReadonlyArray<Row>): ReadonlySet<unknown> =>
  new Set(rows.map((row) => row["request_resource"]))

describe("sampling of requests", () => {
  it("keeps about its share, counts what it leaves out, and leaves metrics whole", () => {
    const { ask, end } = agent(10)
    for (let i = 1; i <= 4_000; i++) ask(1_000 + (i % 50), trace(i * 7919))
    const { rows, stats } = end()
    const kept = rows["l7"]!.length
    // Four standard deviations of 4,000 throws.
    expect(kept).toBeGreaterThan(400 - 76)
    expect(kept).toBeLessThan(400 + 76)
    expect(stats["sessions_total"]).toBe(kept)
    expect(stats["sessions_sampled_out_total"]).toBe(4_000 - kept)
    const requests = rows["application"]!.filter((row) => row["interval"] === 1).reduce(
      (sum, row) => sum + Number(row["request"]),
      0,
    )
    expect(requests).toBe(4_000)
    const inFlows = rows["l4"]!.reduce((sum, row) => sum + Number(row["l7_request"]), 0)
    expect(inFlows).toBe(4_000)
  })

  it("keeps or leaves out both sides of a request, and all requests of a trace, in any agent", () => {
    const [one, other] = [agent(5), agent(5)]
    for (let i = 1; i <= 500; i++) {
      one.ask(2_000 + i, "", false, i)
      other.ask(2_000 + i, "", true, i)
      one.ask(3_000 + i, trace(i), false, 10_000 + i)
      other.ask(9_000 + i, trace(i).toUpperCase().replace("TRACEPARENT", "traceparent"), true, 10_000 + i)
      one.ask(4_000, `X-Request-Id: ${i}-gateway\r\n`, false, 20_000 + i)
      other.ask(5_000 + i, `X-Request-Id: ${i}-gateway\r\n`, true, 20_000 + i)
    }
    const [first, second] = [one.end().rows["l7"]!, other.end().rows["l7"]!]
    expect(resources(first)).toEqual(resources(second))
    expect(first.length).toBeGreaterThan(200)
    expect(first.length).toBeLessThan(400)
  })

  it("keeps of fewer what it keeps of more", () => {
    const kept = [2, 4, 16].map((oneIn) => {
      const { ask, end } = agent(oneIn)
      for (let i = 1; i <= 1_000; i++) ask(1_000, trace(i), false, i)
      return resources(end().rows["l7"]!)
    })
    expect(kept[1]!.isSubsetOf(kept[0]!)).toBe(true)
    expect(kept[2]!.isSubsetOf(kept[1]!)).toBe(true)
    expect(kept[2]!.size).toBeGreaterThan(0)
  })

  it("takes another share while it runs, and all again", () => {
    const { ask, end, pipeline } = agent(1)
    for (let i = 1; i <= 50; i++) ask(1_000, trace(i))
    pipeline.configure({ sessionTimeoutUs: 120_000_000, sampleOneIn: 1_000_000 })
    for (let i = 51; i <= 100; i++) ask(1_000, trace(i))
    pipeline.configure({ sessionTimeoutUs: 120_000_000, sampleOneIn: 1 })
    for (let i = 101; i <= 150; i++) ask(1_000, trace(i))
    expect(end().rows["l7"]!.length).toBe(100)
  })
})
