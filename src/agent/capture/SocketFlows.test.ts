import { describe, expect, it } from "vitest"
import type { ProcessInfo } from "../process/procfs.ts"
import type { ProcessTable } from "../process/ProcessTable.ts"
import { Exclusions } from "./Exclusions.ts"
import { eventKind } from "./layout.gen.ts"
import { close, data, flow, loopback, makeFlows, record } from "./socketEvents.testing.ts"

const request = "GET /a HTTP/1.1\r\nHost: h\r\n\r\n"
/** include/net/tcp_states.h */
const lastAck = 9
const response = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

describe("SocketFlows", () => {
  it("makes a session of a request and its response, with times since 1970", () => {
    const { consume, sessions } = makeFlows()
    consume(
      data({ egress: true, payload: request, timeNs: 1_000_000 }),
      data({ egress: false, payload: response, timeNs: 3_500_000 }),
    )
    expect(sessions).toHaveLength(1)
    const { connection, session } = sessions[0]!
    expect(session.request?.requestResource).toBe("/a")
    expect(session.request?.startUs).toBe(5_001_000)
    expect(session.response?.startUs).toBe(5_003_500)
    expect(session.requestThread).toBe(4_194_401)
    expect(connection.clientEnd).toMatchObject({ port: 40_000, processName: "victim", service: "victim" })
    expect(connection.serverEnd).toMatchObject({ port: 80, processId: 0 })
  })

  it("tells a connection in the flow log: its requests, and what TCP counted", () => {
    const { consume, consumeFlows, pipeline, rows } = makeFlows()
    pipeline.tick(5_000_000)
    consume(
      data({ egress: false, role: 2, payload: request, timeNs: 1_000_000 }),
      data({ egress: true, role: 2, payload: response, length: 1_000, timeNs: 3_500_000 }),
    )
    const counted = { received: request.length, sent: 1_000, segments: [3, 4] as const, srttUs: 120 }
    consumeFlows(flow({ role: 2, timeNs: 4_000_000, left: lastAck, ...counted }))
    expect(rows).toEqual([])
    consume(close())
    pipeline.flush(6_000_000)
    expect(rows).toMatchObject([
      {
        observation_point: 42,
        signal_source: 3,
        close_type: 1,
        status: 0,
        client_port: 80,
        server_port: 40_000,
        process_kname_1: "victim",
        direction_score: 255,
        l7_protocol: 20,
        start_time: 5_001_000,
        end_time: 5_004_000,
        l4_byte_tx: request.length,
        l4_byte_rx: 1_000,
        byte_rx: 1_000,
        packet_tx: 4,
        packet_rx: 3,
        l7_request: 1,
        l7_response: 1,
        rrt_max: 2_500,
        rtt: 120,
      },
    ])
  })

  it("tells a connection whose protocol is not known, too", () => {
    const { consume, consumeFlows, pipeline, rows } = makeFlows()
    consume(data({ egress: true, payload: "\u0000\u0001 no known protocol" }))
    consumeFlows(flow({ sent: 4_000, segments: [9, 3] }))
    consume(close())
    pipeline.flush(6_000_000)
    expect(rows).toMatchObject([
      { l7_protocol: 0, l7_request: 0, byte_tx: 4_000, packet_tx: 9, packet_rx: 3 },
    ])
  })

  it("tells both ends of a local connection about each other's process", () => {
    const { consume, sessions } = makeFlows()
    const client = { socket: 0x1000n, tgid: 4_194_400 }
    const server = {
      socket: 0x2000n,
      tgid: 4_194_500,
      local: [loopback, 80] as const,
      remote: [loopback, 40_000] as const,
      role: 2,
    }
    consume(
      data({ ...client, egress: true, payload: request }),
      data({ ...server, egress: false, payload: request }),
      data({ ...server, egress: true, payload: response }),
      data({ ...client, egress: false, payload: response }),
    )
    expect(sessions).toHaveLength(2)
    for (const { connection } of sessions) {
      expect([connection.clientEnd.processId, connection.serverEnd.processId]).toEqual([4_194_400, 4_194_500])
    }
    expect(sessions.map(({ connection }) => connection.observed === connection.client)).toEqual([false, true])
  })

  it("takes bytes beyond the captured ones as missing", () => {
    const { consume, sessions } = makeFlows()
    const head = "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n"
    consume(
      data({ egress: true, payload: request }),
      data({ egress: false, payload: head, length: head.length + 60_000 }),
      data({ egress: false, payload: "", length: 40_000 }),
      data({ egress: true, payload: request }),
      data({ egress: false, payload: response }),
    )
    expect(sessions.map(({ session }) => session.response?.length)).toEqual([100_000, 2])
  })

  it("takes the same socket in another generation for another connection", () => {
    const { connections, consume } = makeFlows()
    consume(
      data({ egress: true, payload: request, generation: 1 }),
      data({ egress: true, payload: request, generation: 2 }),
    )
    expect(connections.counters.opened).toBe(2)
  })

  it("gives out what is outstanding when the connection closes", () => {
    const { connections, consume, sessions } = makeFlows()
    consume(data({ egress: true, payload: request }), close())
    expect(sessions).toHaveLength(1)
    expect(sessions[0]!.session.response).toBeNull()
    expect(connections.size).toBe(0)
  })

  it("counts records it cannot read and goes on with the next", () => {
    const { consume, flows, sessions } = makeFlows()
    const unknown = new Uint8Array(16)
    new DataView(unknown.buffer).setUint32(0, 99, true)
    const short = new Uint8Array(20)
    new DataView(short.buffer).setUint32(0, eventKind.data, true)
    consume(
      record(unknown),
      record(short),
      data({ egress: true, payload: request }),
      data({ egress: false, payload: response }),
    )
    expect(sessions).toHaveLength(1)
    expect(flows.counters.malformed_total).toBe(2)
  })

  it("takes plaintext for a connection of its own on the flow that carries it, and ends both", () => {
    const { connections, consume, sessions } = makeFlows()
    const records = { egress: true, protocol: 0, payload: "\x17\x03\x03\x00\x20" + "x".repeat(32) }
    consume(data(records), data({ egress: true, isTls: true, payload: request }))
    consume(data(records), data({ egress: false, isTls: true, payload: response }))
    expect(connections.size).toBe(2)
    expect(sessions.map(({ connection, session }) => [connection.isTls, session.response?.code])).toEqual([
      [true, 200],
    ])
    const { connection } = sessions[0]!
    const carrier = [...connections].find(({ isTls }) => !isTls)!
    expect([connection.account, connection.a, connection.b]).toEqual([carrier.account, carrier.a, carrier.b])
    expect(connection.account).toBe(carrier.account)
    consume(close())
    expect(connections.size).toBe(0)
    expect(connection.account.isOver).toBe(true)
  })

  it("reads plaintext as the protocol in which TLS was agreed on, however it begins", () => {
    const { connections, consume } = makeFlows()
    // SSLRequest of PostgreSQL, and its answer.
    consume(data({ egress: true, protocol: 0, payload: "\x00\x00\x00\x08\x04\xd2\x16\x2f" }))
    consume(data({ egress: false, protocol: 0, payload: "S" }))
    consume(data({ egress: true, protocol: 0, isTls: true, payload: "\x00\x00" }))
    expect([...connections].map(({ isTls, protocol }) => [isTls, protocol?.name])).toEqual([
      [false, "postgresql"],
      [true, "postgresql"],
    ])
  })

  it("stops at a record that claims more than there is", () => {
    const { consume, flows } = makeFlows()
    const bytes = data({ egress: true, payload: request })
    new DataView(bytes.buffer).setUint32(0, 1_000_000, true)
    consume(bytes)
    expect(flows.counters.malformed_total).toBe(1)
  })
})

describe("datagrams", () => {
  const query = Buffer.from(
    "00070100000100000000000003777777076578616d706c65036f72670000010001",
    "hex",
  ).toString("latin1")
  const answer = `${query.slice(0, 2)}\x81\x83${query.slice(4)}`
  const resolver = { remote: [[10, 0, 0, 53], 53] as const, isDatagram: true }

  it("become sessions of their socket with each peer", () => {
    const { consume, sessions } = makeFlows()
    const other = { remote: [[10, 0, 0, 54], 53] as const, isDatagram: true }
    consume(
      data({ ...resolver, egress: true, payload: query }),
      data({ ...other, egress: true, payload: query }),
      data({ ...other, egress: false, payload: answer }),
      data({ ...resolver, egress: false, payload: answer }),
    )
    expect(sessions).toHaveLength(2)
    for (const { connection, session } of sessions) {
      expect(session.request?.requestResource).toBe("www.example.org")
      expect(session.response?.code).toBe(3)
      expect(connection.clientEnd).toMatchObject({ port: 40_000, processName: "victim" })
      expect(connection.transport).toBe(17)
      expect(connection.observed).toBe(connection.client)
    }
    expect(sessions.map(({ connection }) => connection.serverEnd.ip[15])).toEqual([54, 53])
  })

  it("leave nothing behind that are none of ours, and are given up after a minute", () => {
    const { connections, consume, flows, sessions } = makeFlows()
    consume(data({ ...resolver, egress: true, payload: "no message of DNS" }))
    expect(connections.size).toBe(0)
    consume(data({ ...resolver, egress: true, payload: query, timeNs: 0 }))
    const sentUs = 5_000_000
    flows.expire(sentUs + 59_999_999)
    expect(sessions).toEqual([])
    flows.expire(sentUs + 60_000_000)
    expect(sessions).toMatchObject([{ session: { response: null } }])
    expect(connections.size).toBe(0)
  })

  it("hold a bounded number of flows", () => {
    const { connections, consume, datagrams } = makeFlows(10_000)
    for (let socket = 1n; socket <= 8_200n; socket++) {
      consume(data({ ...resolver, socket, egress: true, payload: query }))
    }
    expect([connections.size, datagrams.size]).toEqual([8_192, 8_192])
    expect(datagrams.counters.datagram_flows_evicted_total).toBe(8)
  })
})

describe("Exclusions", () => {
  it("end what the kernel told before it heard of them: requests, datagrams, connections", () => {
    const { consume, consumeFlows, flows, pipeline, rows, sessions, tcpFlows } = makeFlows(
      64,
      "alive",
      new Exclusions([4_194_401], [], ["victim"]),
    )
    // Gone: only its name is known, and that of one whose number was told.
    consume(
      data({ egress: true, payload: request }),
      data({ egress: false, payload: response }),
      data({ egress: true, payload: "\u0000\u0001", isDatagram: true }),
    )
    consumeFlows(flow({ tgid: 4_194_401, segments: [1, 1], left: lastAck }))
    consumeFlows(flow({ tgid: 4_194_402, socket: 0x40n, segments: [1, 1], left: lastAck }))
    pipeline.flush(6_000_000)
    expect(sessions).toEqual([])
    expect(flows.counters.left_out_total).toBe(4)
    expect(rows).toMatchObject([{ process_id_0: 4_194_402 }])
    expect(tcpFlows.size).toBe(0)
  })

  it("follows excluded programs and the ports they listen on", () => {
    const said: Array<string> = []
    const exclusions = new Exclusions([10], [20_033], ["clickhouse"])
    exclusions.connect({
      excludeProcess: (pid) => (said.push(`+${pid}`), true),
      excludePort: (port) => (said.push(`+:${port}`), true),
      includeProcess: (pid) => said.push(`-${pid}`),
      includePort: (port) => said.push(`-:${port}`),
      limitOtherPorts: () => said.push("others"),
    })
    exclusions.started({ pid: 11, comm: "clickhouse" } as ProcessInfo)
    exclusions.started({ pid: 12, comm: "nginx" } as ProcessInfo)
    const processes = (listening: ReadonlyArray<number>) =>
      ({
        isGone: () => false,
        all: () => [
          {
            info: { pid: 11, comm: "clickhouse" },
            listening: listening.map((port) => ({ ip: new Uint8Array(16), port })),
          },
          { info: { pid: 12, comm: "nginx" }, listening: [{ ip: new Uint8Array(16), port: 80 }] },
        ],
      }) as unknown as ProcessTable
    exclusions.refresh(processes([9_000, 8_123]))
    exclusions.refresh(processes([8_123]))
    exclusions.ended(11)
    exclusions.ended(12)
    expect(said).toEqual(["+10", "+:20033", "+11", "+:9000", "+:8123", "-:9000", "-11"])
    expect(exclusions.has(11)).toBe(false)
    expect([...exclusions.ports]).toEqual([20_033, 8_123])
  })
})
