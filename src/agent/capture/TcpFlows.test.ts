import { describe, expect, it } from "vitest"
import { socketOwner } from "./layout.gen.ts"
import { close, data, flow, makeFlows } from "./socketEvents.testing.ts"

const lastAck = 9
const second = 1_000_000_000

describe("TcpFlows", () => {
  it("tells what was counted since it was last told, and the rest at the end", () => {
    const { consumeFlows, pipeline, rows } = makeFlows()
    pipeline.tick(5_000_000)
    consumeFlows(flow({ sent: 100, received: 10, segments: [2, 1], srttUs: 300 }))
    pipeline.tick(6_000_000)
    const more = { sent: 150, received: 10, segments: [4, 3] as const, retransmitted: 1, outOfOrder: 2 }
    consumeFlows(flow({ timeNs: second, ...more, srttUs: 500 }))
    // The same once more: a total that was counted counts no more.
    consumeFlows(flow({ timeNs: second, ...more, srttUs: 500 }))
    consumeFlows(flow({ timeNs: 2 * second, ...more, sent: 151, segments: [5, 4], left: lastAck }))
    pipeline.flush(8_000_000)
    expect(rows).toMatchObject([
      {
        close_type: 1,
        l7_protocol: 0,
        observation_point: 41,
        client_port: 40_000,
        server_port: 80,
        start_time: 5_000_500,
        end_time: 7_000_000,
        byte_tx: 151,
        byte_rx: 10,
        packet_tx: 5,
        packet_rx: 4,
        retrans_tx: 1,
        ooo_rx: 2,
        rtt: 500,
        total_byte_tx: 151,
      },
    ])
  })

  it("turns around what is counted at the server", () => {
    const { consumeFlows, pipeline, rows } = makeFlows()
    consumeFlows(flow({ role: 2, sent: 7, received: 3, segments: [2, 1], retransmitted: 1, left: lastAck }))
    pipeline.flush(6_000_000)
    expect(rows).toMatchObject([
      { observation_point: 42, client_port: 80, byte_tx: 3, byte_rx: 7, retrans_rx: 1, retrans_tx: 0 },
    ])
  })

  it("does not count what was before it knew of a connection", () => {
    const { consumeFlows, pipeline, rows } = makeFlows()
    consumeFlows(flow({ isLate: true, sent: 5_000, segments: [50, 50] }))
    consumeFlows(flow({ isLate: true, sent: 5_020, segments: [52, 51], left: lastAck }))
    pipeline.flush(6_000_000)
    expect(rows).toMatchObject([{ byte_tx: 20, packet_tx: 2, packet_rx: 1 }])
  })

  it("counts segments over the end of 32 bits", () => {
    const { consumeFlows, pipeline, rows } = makeFlows()
    consumeFlows(flow({ isLate: true, segments: [0xffff_fffe, 0] }))
    consumeFlows(flow({ isLate: true, segments: [3, 0], left: lastAck }))
    pipeline.flush(6_000_000)
    expect(rows).toMatchObject([{ packet_tx: 5 }])
  })

  it("shares the flow of the requests that are read, and ends with the last of their bytes", () => {
    const { connections, consume, consumeFlows, flows, pipeline, rows } = makeFlows()
    consumeFlows(flow({ sent: 10, segments: [1, 1] }))
    consume(data({ egress: true, payload: "GET /a HTTP/1.1\r\n\r\n" }))
    expect(connections.size).toBe(1)
    consumeFlows(flow({ sent: 20, segments: [2, 2], left: lastAck }))
    pipeline.flush(6_000_000)
    expect(rows).toEqual([])
    // Its end was never read: the kernel is silent about it.
    flows.expire(5_000_000 + 10 * 60_000_000)
    pipeline.flush(7_000_000)
    expect(rows).toMatchObject([{ l7_protocol: 20, byte_tx: 20 }])
  })

  it("goes on with a flow whose connection was given up", () => {
    const { connections, consume, consumeFlows, pipeline, rows } = makeFlows()
    consume(data({ egress: true, payload: "GET /a HTTP/1.1\r\n\r\n" }))
    consumeFlows(flow({ sent: 10, segments: [1, 1] }))
    connections.closeAll(6_000_000)
    consumeFlows(flow({ sent: 20, segments: [2, 2], left: lastAck }))
    pipeline.flush(6_000_000)
    expect(rows).toMatchObject([{ byte_tx: 20, is_new_flow: 1 }])
  })

  it("believes who moves bytes rather than who listens", () => {
    const { consumeFlows, pipeline, rows } = makeFlows()
    const server = { role: 2, local: [[127, 0, 0, 1], 80], remote: [[127, 0, 0, 1], 40_000] } as const
    consumeFlows(flow({ ...server, tgid: 4_194_401, owner: socketOwner.listens, segments: [1, 1] }))
    consumeFlows(flow({ ...server, tgid: 4_194_402, owner: socketOwner.seen, segments: [2, 2] }))
    // Another process that holds the descriptor as well.
    consumeFlows(
      flow({ ...server, tgid: 4_194_403, owner: socketOwner.seen, segments: [3, 3], left: lastAck }),
    )
    pipeline.flush(6_000_000)
    expect(rows).toMatchObject([{ process_id_1: 4_194_402 }])
  })

  it("tells the ends of a local connection about each other", () => {
    const { consumeFlows, pipeline, rows } = makeFlows()
    const client = { socket: 0xffff_8881_0000_0080n, tgid: 4_194_401 }
    const server = {
      role: 2,
      tgid: 4_194_402,
      local: [[127, 0, 0, 1], 80],
      remote: [[127, 0, 0, 1], 40_000],
    } as const
    consumeFlows(flow({ ...client, segments: [1, 1] }), flow({ ...server, segments: [1, 1] }))
    consumeFlows(flow({ ...client, segments: [2, 2], left: lastAck }))
    consumeFlows(flow({ ...server, segments: [2, 2], left: lastAck }))
    pipeline.flush(6_000_000)
    const ends = { process_id_0: 4_194_401, process_id_1: 4_194_402 }
    expect(rows).toMatchObject([ends, ends])
  })

  it("ends what a roll call finds gone, with what was said over it, and nothing that is there", () => {
    const { connections, consume, consumeFlows, flows, pipeline, rows, tcpFlows } = makeFlows()
    const other = { socket: 0xffff_8881_0000_0080n, segments: [1, 1] } as const
    consumeFlows(flow({ segments: [1, 1] }), flow(other))
    consume(data({ egress: true, payload: "GET /a HTTP/1.1\r\n\r\n" }))
    const call = tcpFlows.beginCall()
    consumeFlows(flow(other))
    flows.endCall(call, 9_000_000)
    pipeline.flush(9_000_000)
    expect(tcpFlows.size).toBe(1)
    expect(connections.size).toBe(0)
    expect(tcpFlows.counters.tcp_flows_silent_total).toBe(1)
    expect(rows).toMatchObject([{ l7_request: 1, l7_protocol: 20 }])
  })

  it("tells the later end of a local connection whose the earlier was, for a while", () => {
    const { consumeFlows, flows, pipeline, rows } = makeFlows()
    const server = { role: 2, local: [[127, 0, 0, 1], 80], remote: [[127, 0, 0, 1], 40_000] } as const
    consumeFlows(flow({ socket: 0xffff_8881_0000_0080n, tgid: 4_194_401, segments: [1, 1], left: lastAck }))
    consumeFlows(flow({ ...server, tgid: 4_194_402, segments: [2, 2], left: lastAck }))
    flows.expire(5_000_000 + 4_000_000)
    consumeFlows(flow({ ...server, generation: 9, tgid: 4_194_402, segments: [2, 2], left: lastAck }))
    pipeline.flush(6_000_000)
    expect(rows.slice(1)).toMatchObject([{ process_id_0: 4_194_401 }, { process_id_0: 0 }])
  })

  it("takes who listens for the server where nobody saw who connected", () => {
    const { consumeFlows, pipeline, rows } = makeFlows()
    const late = {
      role: 0,
      isLate: true,
      local: [[10, 0, 0, 1], 50_000],
      remote: [[10, 0, 0, 2], 40_000],
    } as const
    consumeFlows(flow({ ...late, left: lastAck }))
    consumeFlows(flow({ ...late, localListener: 77, left: lastAck }))
    consumeFlows(flow({ ...late, remote: [[10, 0, 0, 2], 443], left: lastAck }))
    pipeline.flush(6_000_000)
    expect(rows.map((row) => [row["server_port"], row["direction_score"]])).toEqual([
      [40_000, 100],
      [50_000, 200],
      [443, 200],
    ])
  })

  it("counts by calls where the kernel does not, and tells only what was followed to its end", () => {
    const { consume, pipeline, rows } = makeFlows(64, "nothing")
    const ask = "GET /a HTTP/1.1\r\n\r\n"
    consume(
      data({ egress: true, payload: ask, length: 700 }),
      data({ egress: false, payload: "?", length: 9 }),
    )
    consume(data({ socket: 0xffff_8881_0000_0080n, egress: true, protocol: 0, payload: "\x00 unknown" }))
    consume(close(), close(0xffff_8881_0000_0080n))
    pipeline.flush(6_000_000)
    expect(rows).toMatchObject([{ l7_protocol: 20, byte_tx: 700, byte_rx: 9, packet_tx: 0 }])
    expect(rows).toHaveLength(1)
  })

  it("takes no more than it has room for, and counts the rest", () => {
    const { consumeFlows, pipeline, rows, tcpFlows } = makeFlows(2)
    for (let at = 1; at <= 4; at++)
      consumeFlows(flow({ socket: 0xffff_8881_0000_0000n + BigInt(64 * at), segments: [1, 1] }))
    expect([tcpFlows.size, tcpFlows.counters.tcp_flows_refused_total]).toEqual([2, 2])
    consumeFlows(flow({ socket: 0xffff_8881_0000_0040n, segments: [2, 2], left: lastAck }))
    consumeFlows(flow({ socket: 0xffff_8881_0000_00c0n, segments: [5, 5] }))
    expect(tcpFlows.size).toBe(2)
    pipeline.flush(6_000_000)
    expect(rows).toHaveLength(1)
  })

  it("takes any bytes for a record without a fault", () => {
    const { flows, pipeline } = makeFlows()
    const noise = new Uint8Array(20_000).map((_, at) => (at * 7919 + (at >> 3)) & 0xff)
    flows.consumeFlows(noise, noise.length)
    pipeline.flush(6_000_000)
    expect(flows.counters.flows_total).toBeGreaterThan(100)
  })
})
