import { describe, expect, it } from "vitest"
import { L7Protocol } from "../../model/protocol.ts"
import type { DatagramSum } from "./DatagramSums.ts"
import { data, makeFlows } from "./socketEvents.testing.ts"

const socket = 0xffff_8881_0000_0040n
const ip = (...end: ReadonlyArray<number>): Uint8Array =>
  Uint8Array.from([...Array(10).fill(0), 0xff, 0xff, ...end])

const sum = (more: Partial<DatagramSum> = {}): DatagramSum => ({
  socket,
  tgid: 4_194_400,
  comm: "game",
  localIp: ip(10, 0, 0, 1),
  remoteIp: ip(10, 0, 0, 9),
  localPort: 40_000,
  remotePort: 9_999,
  isAsked: false,
  sent: 2,
  sentBytes: 30,
  received: 1,
  receivedBytes: 500,
  begunUs: 5_100_000,
  lastUs: 5_900_000,
  ...more,
})

const query = Buffer.from(
  "00070100000100000000000003777777076578616d706c65036f72670000010001",
  "hex",
).toString("latin1")

/** Offered by the kernel, from a resolver on another port than DNS's. */
const offer = {
  remote: [[10, 0, 0, 9], 9_999] as const,
  local: [[10, 0, 0, 1], 40_000] as const,
  isDatagram: true,
}

describe("sums of datagrams", () => {
  it("are flows of their socket with each peer, told of until a minute of silence", () => {
    const { datagrams, flows, pipeline, rows } = makeFlows()
    pipeline.tick(5_000_000)
    flows.consumeDatagrams(sum())
    flows.consumeDatagrams(sum({ remoteIp: ip(10, 0, 0, 8), received: 0, receivedBytes: 0 }))
    pipeline.tick(6_000_000)
    flows.consumeDatagrams(sum({ begunUs: 6_100_000, lastUs: 6_200_000 }))
    flows.expire(65_900_000)
    expect(datagrams.size).toBe(1)
    flows.expire(66_200_000)
    pipeline.flush(66_200_000)
    expect(datagrams.size).toBe(0)
    const ends = {
      protocol: 17,
      close_type: 3,
      client_port: 40_000,
      server_port: 9_999,
      process_id_0: 4_194_400,
    }
    expect(rows).toMatchObject([
      { ...ends, packet_tx: 2, packet_rx: 0, byte_tx: 30, byte_rx: 0 },
      {
        ...ends,
        packet_tx: 4,
        packet_rx: 2,
        byte_tx: 60,
        byte_rx: 1_000,
        start_time: 5_100_000,
        end_time: 6_200_000,
      },
    ])
  })

  it("have the process that was asked first as server where ports do not tell", () => {
    const { flows, pipeline, rows } = makeFlows()
    const equal = { localPort: 27_015, remotePort: 27_015 }
    flows.consumeDatagrams(sum({ ...equal, isAsked: true }))
    flows.consumeDatagrams(sum({ ...equal, socket: 1n }))
    flows.consumeDatagrams(
      sum({ socket: 2n, localPort: 514, remotePort: 0, remoteIp: ip(0, 0, 0, 0), isAsked: true }),
    )
    flows.expire(66_000_000)
    pipeline.flush(66_000_000)
    expect(rows).toMatchObject([
      { process_id_1: 4_194_400, byte_tx: 500, byte_rx: 30, observation_point: 42 },
      { process_id_0: 4_194_400, byte_tx: 30, byte_rx: 500, observation_point: 41 },
      { process_id_1: 4_194_400, server_port: 514, client_port: 0 },
    ])
  })
})

describe("offers of datagrams", () => {
  it("have the kernel tell more of sockets that speak something known, and count by its sums", () => {
    const { connections, consume, flows, pipeline, rows, sessions, told, verdicts } = makeFlows()
    pipeline.tick(5_000_000)
    consume(data({ ...offer, generation: 9, protocol: 0, egress: true, payload: query }))
    verdicts.flush()
    expect(told).toEqual([[socket, 9, L7Protocol.dns]])
    consume(data({ ...offer, generation: 9, protocol: L7Protocol.dns, egress: true, payload: query }))
    verdicts.flush()
    expect(told).toHaveLength(1)
    expect(connections.size).toBe(1)
    flows.consumeDatagrams(sum({ received: 0, receivedBytes: 0, sentBytes: 2 * query.length }))
    flows.expire(66_000_000)
    pipeline.flush(66_000_000)
    expect(sessions).toHaveLength(2)
    expect(rows).toMatchObject([{ l7_protocol: L7Protocol.dns, packet_tx: 2, byte_tx: 2 * query.length }])
  })

  it("of anything else say nothing, and leave nothing behind but a flow", () => {
    const { connections, consume, datagrams, told, verdicts } = makeFlows()
    consume(data({ ...offer, generation: 9, protocol: 0, egress: true, payload: "none of ours" }))
    verdicts.flush()
    expect([told.length, connections.size, datagrams.size]).toEqual([0, 0, 1])
  })
})
