// Packets that are followed in batches, against the same packets followed one by one; and slots whose objects serve one flow after the
// other.

import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import { packetStreams } from "../../capture/packetStreams.ts"
import { TcpFlag } from "../../capture/packet/Packet.ts"
import { ethernet, ipv4, tcpFrame, text, udpDatagram } from "../../capture/packet/packets.testing.ts"
import type { AnyBatch } from "../../../model/ColumnBatch.ts"
import { Pipeline } from "../../Pipeline.ts"
import { flowRecord } from "./flowRecord.ts"
import { PacketFlows } from "./PacketFlows.ts"
import { Play } from "./streams.testing.ts"

const { ack: ACK, fin: FIN, psh: PSH, rst: RST, syn: SYN } = TcpFlag

interface Step {
  readonly connection: number
  readonly isClient: boolean
  readonly flags: number
  readonly at: number
  readonly payload: string
  readonly afterUs: number
}

const steps: fc.Arbitrary<ReadonlyArray<Step>> = fc.array(
  fc.record({
    connection: fc.nat(5),
    isClient: fc.boolean(),
    flags: fc.constantFrom(SYN, SYN | ACK, ACK, ACK, PSH | ACK, PSH | ACK, FIN | ACK, RST),
    at: fc.nat(40),
    payload: fc.constantFrom("", "", "GET / HTTP/1.1\r\n\r\n", "abc", "abcdefgh"),
    afterUs: fc.constantFrom(10, 2_000, 400_000, 3_000_000),
  }),
  { minLength: 1, maxLength: 150 },
)

/** The first connection is of datagrams. */
const frameOf = ({ at, connection, flags, isClient, payload }: Step): Uint8Array => {
  const [from, to] = isClient ? ["10.0.0.1", "10.0.0.2"] : ["10.0.0.2", "10.0.0.1"]
  const [fromPort, toPort] = isClient ? [40_000 + connection, 80] : [80, 40_000 + connection]
  if (connection > 0)
    return tcpFrame({
      from,
      to,
      fromPort,
      toPort,
      flags,
      seq: 1_000 + at,
      ack: 1_000 + at,
      payload: text(payload),
    })
  return ethernet(0x0800, ipv4({ from, to, protocol: 17 }, udpDatagram(fromPort, toPort, text(payload))))
}

/** `runs`: steps after which what waits is followed; others are followed when a batch is full. */
const outcome = (packets: ReadonlyArray<Step>, isBatch: boolean, runs: ReadonlySet<number>) => {
  const play = new Play({ maxFlows: 4 })
  packets.forEach((step, i) => {
    play.timeUs += step.afterUs
    const frame = frameOf(step)
    play.flows[isBatch ? "queue" : "add"](frame, 0, frame.length, frame.length, 1, play.timeUs)
    if (runs.has(i)) play.flows.run()
  })
  play.end()
  return {
    ended: play.ended.map(flowRecord),
    streams: play.streams.map(({ closes, directions, feeds }) => ({ closes, directions, feeds })),
    counters: [play.flows.counters, play.flows.reassembler.counters, [...play.flows.parsed]],
  }
}

describe("packets of a batch", () => {
  it("come to the same as one by one", () => {
    fc.assert(
      fc.property(steps, fc.array(fc.nat(150)), (packets, runs) => {
        expect(outcome(packets, true, new Set(runs))).toEqual(outcome(packets, false, new Set()))
      }),
      { numRuns: 300 },
    )
  })
})

describe("a slot", () => {
  it("serves one connection after the other, and what was told of the first stays", () => {
    const l7: Array<string> = []
    const application: Array<string> = []
    const addressAt = (ips: Uint8Array, row: number) =>
      [...ips.subarray(row * 16 + 12, row * 16 + 16)].join(".")
    const emit = (batch: AnyBatch): void => {
      for (let row = 0; row < batch.rows; row++) {
        if (batch.kind === "l7") {
          const { client_port, ip_1, request_resource } = batch.columns
          l7.push(`${client_port[row]} ${addressAt(ip_1, row)} ${request_resource[row]}`)
        } else if (batch.kind === "application" && batch.columns.interval[row] === 60)
          application.push(`${addressAt(batch.columns.ip, row)} ${batch.columns.request[row]}`)
      }
    }
    const pipeline = new Pipeline({
      maskLiterals: true,
      sessionTimeoutUs: 120_000_000,
      maxConnections: 16,
      flowIdSeed: 1,
      emit,
    })
    const { connections, flowLog } = pipeline
    const flows = new PacketFlows({ consumer: packetStreams({ connections }), log: flowLog, maxFlows: 1 })
    let timeUs = 1_700_000_000_000_000
    for (let i = 0; i < 4; i++) {
      const [client, server] = [`10.0.0.${i}`, `10.0.1.${i % 2}`]
      const send = (isClient: boolean, payload: string): void => {
        const ends = isClient
          ? { from: client, to: server, fromPort: 40_000 + i, toPort: 80 }
          : { from: server, to: client, fromPort: 80, toPort: 40_000 + i }
        const frame = tcpFrame({ ...ends, seq: 1, ack: 1, flags: PSH | ACK, payload: text(payload) })
        timeUs += 1_000
        pipeline.tick(timeUs)
        flows.add(frame, 0, frame.length, frame.length, 1, timeUs)
      }
      send(true, `GET /${i} HTTP/1.1\r\n\r\n`)
      send(false, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
      expect(connections.size).toBe(1)
    }
    flows.endAll()
    expect(connections.size).toBe(0)
    pipeline.end(timeUs)
    expect(l7).toEqual([0, 1, 2, 3].map((i) => `${40_000 + i} 10.0.1.${i % 2} /${i}`))
    expect(application.toSorted()).toEqual(["10.0.1.0 2", "10.0.1.1 2"])
    expect(flows.counters).toMatchObject({ opened: 4, evicted: 3 })
  })
})
