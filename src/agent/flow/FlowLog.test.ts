import { describe, expect, it } from "vitest"
import { CloseType } from "../../model/closeType.ts"
import { TcpFlag } from "../capture/packet/Packet.ts"
import { ethernet, ipv4, tcpSegment } from "../capture/packet/packets.testing.ts"
import { LoggedPlay } from "./flowLog.testing.ts"
import { clientIsn, serverIsn } from "./tcp/streams.testing.ts"

const { ack: ACK, fin: FIN, psh: PSH, rst: RST, syn: SYN } = TcpFlag
const push = { flags: PSH | ACK }
const request = "GET /a HTTP/1.1\r\nHost: h\r\n\r\n"
const response = "HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n"

const exchange = (play: LoggedPlay): void => {
  play.handshake()
  play.client(0, request, push)
  play.server(0, response, { ...push, ack: clientIsn + 1 + request.length })
}

const bye = (play: LoggedPlay): void => {
  play.client(request.length, "", { flags: FIN | ACK, ack: serverIsn + 1 + response.length })
  play.server(response.length, "", { flags: FIN | ACK, ack: clientIsn + 2 + request.length })
  play.client(request.length + 1, "", { ack: serverIsn + 2 + response.length })
}

const sumOf = (rows: ReadonlyArray<Readonly<Record<string, number | string>>>, name: string): number =>
  rows.reduce((sum, row) => sum + Number(row[name]), 0)

describe("FlowLog", () => {
  it("tells a short connection in one row, with what its requests were", () => {
    const play = new LoggedPlay()
    exchange(play)
    bye(play)
    play.wait(10)
    expect(play.rows.l4).toHaveLength(1)
    expect(play.rows.l4[0]).toMatchObject({
      is_new_flow: 1,
      close_type: CloseType.finish,
      status: 0,
      protocol: 6,
      l7_protocol: 20,
      direction_score: 255,
      client_port: 40_000,
      server_port: 80,
      packet_tx: 5,
      packet_rx: 3,
      total_packet_tx: 5,
      l4_byte_tx: request.length,
      l4_byte_rx: response.length,
      l7_request: 1,
      l7_response: 1,
      l7_client_error: 1,
      rtt: 4_000,
      rtt_client: 2_000,
      rtt_server: 2_000,
      art_sum: 2_000,
      art_count: 1,
      art_max: 2_000,
      syn_count: 1,
      synack_count: 1,
      fin_count: 2,
      tcp_flags_bit_0: SYN | ACK | PSH | FIN,
      syn_seq: clientIsn,
      syn_ack_seq: serverIsn,
    })
    expect(play.rows.l4[0]!["flow_id"]).toBe(play.rows.l7[0]!["flow_id"])
  })

  it("tells a long one each minute, that it goes on, and then how it ended; parts sum up to the whole", () => {
    const play = new LoggedPlay()
    play.handshake()
    // It begins 20 s before a minute ends.
    for (let i = 0; i < 150; i++) {
      play.client(i * 2, "ab", push)
      play.wait(1)
    }
    play.client(300, "", { flags: RST })
    play.wait(40)
    const { l4 } = play.rows
    expect(l4.map((row) => [row["is_new_flow"], row["close_type"]])).toEqual([
      [1, CloseType.forcedReport],
      [0, CloseType.forcedReport],
      [0, CloseType.forcedReport],
      [0, CloseType.tcpClientRst],
    ])
    expect(new Set(l4.map((row) => row["flow_id"])).size).toBe(1)
    expect(sumOf(l4, "packet_tx")).toBe(153)
    expect(l4.map((row) => row["total_packet_tx"]).at(-1)).toBe(153)
    expect(sumOf(l4, "l4_byte_tx")).toBe(300)
    expect(sumOf(l4, "syn_count")).toBe(1)
    // The round trip was seen in the first part only.
    expect(l4.map((row) => Number(row["rtt"]) > 0)).toEqual([true, false, false, false])
    for (let i = 1; i < l4.length; i++)
      expect(Number(l4[i]!["start_time"])).toBeGreaterThanOrEqual(Number(l4[i - 1]!["end_time"]))
  })

  it("counts the same in the rows, in the metrics of seconds and in those of minutes", () => {
    const play = new LoggedPlay()
    exchange(play)
    play.wait(70)
    bye(play)
    play.client(0, "", { fromPort: 40_001, flags: SYN, ack: 0 })
    play.wait(200)
    play.end()
    const { l4, network } = play.rows
    for (const interval of [1, 60]) {
      const rows = network.filter((row) => row["interval"] === interval)
      for (const name of ["packet_tx", "byte_rx", "l7_request", "l7_client_error", "art_sum", "syn_count"])
        expect(sumOf(rows, name), name).toBe(sumOf(l4, name))
      expect(sumOf(rows, "new_flow")).toBe(2)
      expect(sumOf(rows, "closed_flow")).toBe(2)
      expect(sumOf(rows, "server_syn_miss")).toBe(1)
      expect(Math.max(...rows.map((row) => Number(row["rtt_max"])))).toBe(4_000)
    }
  })

  it("turns a connection around when its payload says so", () => {
    const play = new LoggedPlay({ isLocal: (ip) => ip[15] === 2, isLocalMac: () => true })
    // Without a handshake the lower port is taken for the server's: here it is the client's.
    play.server(0, request, push)
    play.client(0, response, { ...push, ack: serverIsn + 1 + request.length })
    play.wait(310)
    expect(play.rows.l4.map((row) => row["close_type"])).toEqual([CloseType.forcedReport, CloseType.timeout])
    expect(play.rows.l4[0]).toMatchObject({
      client_port: 80,
      server_port: 40_000,
      direction_score: 254,
      l4_byte_tx: request.length,
      l4_byte_rx: response.length,
      art_count: 1,
      cit_count: 0,
      // The host of the packets' sender is the client's.
      observation_point: 1,
    })
    expect(play.rows.network[0]).toMatchObject({ server_port: 40_000, l4_byte_tx: request.length })
  })

  it("tells the tunnel around a flow, each way", () => {
    const play = new LoggedPlay({ isLocal: (ip) => ip[12] === 192, isLocalMac: () => true })
    const inTunnel = (isClient: boolean, flags: number): Uint8Array => {
      const [outer, inner, ports] = isClient
        ? [
            { from: "192.0.2.1", to: "192.0.2.2" },
            { from: "10.0.0.1", to: "10.0.0.2" },
            { fromPort: 40_000, toPort: 80 },
          ]
        : [
            { from: "192.0.2.2", to: "192.0.2.1" },
            { from: "10.0.0.2", to: "10.0.0.1" },
            { fromPort: 80, toPort: 40_000 },
          ]
      return ethernet(
        0x0800,
        ipv4(
          { ...outer, protocol: 4 },
          ipv4({ ...inner, identification: 7 }, tcpSegment({ ...ports, flags })),
        ),
      )
    }
    play.frame(inTunnel(true, SYN), 1)
    play.frame(inTunnel(false, SYN | ACK), 1)
    play.end()
    expect(play.rows.l4).toMatchObject([
      {
        client_port: 40_000,
        tunnel_type: 2,
        tunnel_tier: 1,
        tunnel_tx_id: 0,
        tunnel_tx_mac_0: 1,
        tunnel_tx_mac_1: 2,
        tunnel_rx_mac_0: 1,
        // The addresses inside are not of this host, its hardware addresses are: it carries the flow.
        observation_point: 9,
      },
    ])
  })

  it("says of what made room that it goes on, and counts it", () => {
    const play = new LoggedPlay({}, 4)
    for (let port = 1; port <= 10; port++) play.client(0, "", { fromPort: 50_000 + port, flags: SYN })
    expect(play.flows.counters.evicted).toBe(6)
    play.pipeline.flush(play.timeUs)
    expect(play.rows.l4.map((row) => row["close_type"])).toEqual(
      new Array<number>(6).fill(CloseType.forcedReport),
    )
    play.wait(10)
    expect(play.rows.l4.map((row) => row["close_type"]).slice(6)).toEqual(
      new Array<number>(4).fill(CloseType.clientSynRepeat),
    )
  })

  it("tells nothing of excluded flows, and keeps none of them", () => {
    const play = new LoggedPlay({ isExcluded: ({ server }) => server.port === 80 })
    exchange(play)
    play.wait(100)
    bye(play)
    play.wait(310)
    play.end()
    expect(play.rows.l4).toEqual([])
    expect(play.rows.network).toEqual([])
  })

  it("goes on when the clock is set back", () => {
    const play = new LoggedPlay()
    exchange(play)
    play.pipeline.tick(play.timeUs - 3_600_000_000)
    play.pipeline.tick(play.timeUs - 3_598_000_000)
    play.pipeline.flush(play.timeUs + 5_000_000)
    const seconds = play.rows.network.filter((row) => row["interval"] === 1)
    expect(sumOf(seconds, "packet_tx")).toBe(3)
  })

  it("tells the rest of open flows at an orderly end", () => {
    const play = new LoggedPlay()
    exchange(play)
    play.end()
    expect(play.rows.l4).toMatchObject([{ close_type: CloseType.forcedReport, l7_request: 1 }])
    expect(sumOf(play.rows.network, "packet_tx")).toBe(2 * 3)
  })
})
