// A packet on several interfaces, through the flow table.

import { describe, expect, it } from "vitest"
import { TcpFlag } from "../../capture/packet/Packet.ts"
import {
  ethernet,
  ipv4,
  ipv6,
  tcpSegment,
  type TcpSpec,
  text,
  udpDatagram,
  vxlan,
} from "../../capture/packet/packets.testing.ts"
import { Meter } from "../FlowMeter.ts"
import { clientIsn, Play, serverIsn } from "./streams.testing.ts"

const client = { from: "10.0.0.1", to: "10.0.0.2" }

/** Plays packets at points: interface and direction. */
class Points extends Play {
  at(frame: Uint8Array, interfaceIndex: number, afterUs: number, isOutgoing = false): void {
    this.timeUs += afterUs
    this.flows.add(frame, 0, frame.length, frame.length, 1, this.timeUs, interfaceIndex, isOutgoing)
  }

  get flow() {
    return this.ended[0]
  }
}

const tcp = (spec: TcpSpec, identification: number, hopLimit = 64): Uint8Array => {
  const frame = ethernet(
    0x0800,
    ipv4({ ...client, identification }, tcpSegment({ ...spec, ack: serverIsn + 1 })),
  )
  frame[14 + 8] = hopLimit
  return frame
}
const tcp6 = (spec: TcpSpec): Uint8Array =>
  ethernet(0x86dd, ipv6(6, tcpSegment({ ...spec, ack: serverIsn + 1 })))
const udp = (payload: string, identification: number): Uint8Array =>
  ethernet(0x0800, ipv4({ ...client, protocol: 17, identification }, udpDatagram(40_000, 9, text(payload))))
const udp6 = (payload: string): Uint8Array =>
  ethernet(0x86dd, ipv6(17, udpDatagram(40_000, 9, text(payload))))
const ask = { seq: clientIsn + 1, payload: text("ask") }

const play = (
  frames: ReadonlyArray<readonly [Uint8Array, number, number, boolean?]>,
  keepsCopies = false,
) => {
  const points = new Points({ keepsCopies })
  for (const [frame, interfaceIndex, afterUs, isOutgoing] of frames) {
    points.at(frame, interfaceIndex, afterUs, isOutgoing)
  }
  points.end()
  const { account, duplicates, toClient, toServer } = points.flow
  return {
    packets: toServer.packets + toClient.packets,
    duplicates,
    retransmissions: account.second[Meter.retransTx],
    counters: points.flows.counters,
  }
}

describe("a packet with an IP id", () => {
  it("is the same on every interface, in a tunnel too", () => {
    const frame = tcp(ask, 7)
    const tunnelled = ethernet(0x0800, ipv4({ protocol: 17 }, udpDatagram(50_000, 4789, vxlan(7, frame))))
    const result = play([
      [frame, 1, 10],
      [frame, 2, 3_000],
      [frame, 2, 3_000, true],
      [tunnelled, 3, 3_000],
    ])
    expect(result).toMatchObject({ packets: 1, duplicates: 3, retransmissions: 0 })
  })

  it("is the same when a mirror port shows it twice", () => {
    expect(
      play([
        [tcp(ask, 7), 1, 10],
        [tcp(ask, 7), 1, 50],
      ]),
    ).toMatchObject({ packets: 1, duplicates: 1 })
  })

  it("is another observation point behind a router, and not counted again", () => {
    const { counters, ...result } = play([
      [tcp(ask, 7, 64), 1, 10],
      [tcp(ask, 7, 63), 2, 50],
      [tcp(ask, 7, 64), 3, 50],
    ])
    expect(result).toMatchObject({ packets: 1, duplicates: 2, retransmissions: 0 })
    expect(counters).toMatchObject({ duplicates: 1, forwarded: 1 })
  })

  it("is a retransmission with another id, or much later", () => {
    expect(
      play([
        [tcp(ask, 7), 1, 10],
        [tcp(ask, 8), 1, 50],
      ]),
    ).toMatchObject({ packets: 2, retransmissions: 1 })
    expect(
      play([
        [tcp(ask, 7), 1, 10],
        [tcp(ask, 7), 1, 10_000],
      ]),
    ).toMatchObject({ packets: 2, retransmissions: 1 })
  })

  it("tells datagrams apart", () => {
    expect(
      play([
        [udp("a", 7), 1, 10],
        [udp("a", 8), 1, 10],
        [udp("a", 8), 2, 10],
      ]),
    ).toMatchObject({
      packets: 2,
      duplicates: 1,
    })
  })

  it("counts as often as it was captured where that is asked for", () => {
    expect(
      play(
        [
          [tcp(ask, 7), 1, 10],
          [tcp(ask, 7), 2, 50],
        ],
        true,
      ),
    ).toMatchObject({ packets: 2, duplicates: 0 })
  })
})

describe("a packet without an IP id", () => {
  it("is the same on other interfaces for a short time", () => {
    expect(
      play([
        [tcp6(ask), 1, 10],
        [tcp6(ask), 2, 500],
        [tcp6(ask), 1, 500, true],
      ]),
    ).toMatchObject({
      packets: 1,
      duplicates: 2,
    })
    expect(
      play([
        [udp6("a"), 1, 10],
        [udp6("a"), 2, 500],
      ]),
    ).toMatchObject({ packets: 1, duplicates: 1 })
    expect(
      play([
        [udp6("a"), 1, 10],
        [udp6("b"), 2, 10],
      ]),
    ).toMatchObject({ packets: 2, duplicates: 0 })
    expect(
      play([
        [udp6("a"), 1, 10],
        [udp6("a"), 2, 5_000],
      ]),
    ).toMatchObject({ packets: 2, duplicates: 0 })
  })

  it("is sent again when it comes again where it was seen first", () => {
    expect(
      play([
        [tcp6(ask), 1, 10],
        [tcp6(ask), 1, 300],
      ]),
    ).toMatchObject({ packets: 2, retransmissions: 1 })
    const twice: ReadonlyArray<readonly [Uint8Array, number, number]> = [
      [udp6("a"), 1, 10],
      [udp6("a"), 2, 10],
      [udp6("a"), 1, 10],
      [udp6("a"), 2, 10],
    ]
    expect(play(twice)).toMatchObject({ packets: 2, duplicates: 2 })
    const bare = tcp6({ seq: clientIsn + 1 })
    expect(play(twice.map(([, point, us]) => [bare, point, us]))).toMatchObject({ packets: 2, duplicates: 2 })
  })

  it("is a copy of a mirror port when nothing else can be so quick", () => {
    expect(
      play([
        [tcp6(ask), 1, 10],
        [tcp6(ask), 1, 50],
      ]),
    ).toMatchObject({ packets: 1, duplicates: 1 })
    expect(
      play([
        [udp6("a"), 1, 10],
        [udp6("a"), 1, 50],
      ]),
    ).toMatchObject({ packets: 2, duplicates: 0 })
  })
})

describe("segments that are cut or joined between interfaces", () => {
  const segment = (at: number, payload: string, identification: number) =>
    tcp({ seq: clientIsn + 1 + at, payload: text(payload), flags: TcpFlag.ack }, identification)

  it("are no retransmissions", () => {
    const cut = play([
      [segment(0, "abcdef", 7), 1, 10],
      [segment(0, "abc", 7), 2, 10],
      [segment(3, "def", 8), 2, 10],
    ])
    expect(cut).toMatchObject({ packets: 1, duplicates: 2, retransmissions: 0 })
    const joined = play([
      [segment(0, "abc", 7), 1, 10],
      [segment(3, "def", 8), 1, 10],
      [segment(0, "abcdef", 7), 2, 10],
    ])
    expect(joined).toMatchObject({ packets: 2, duplicates: 1, retransmissions: 0 })
  })

  it("are retransmissions on the interface where they were seen first", () => {
    const sent = play([
      [segment(0, "abcdef", 7), 1, 10],
      [segment(0, "abc", 9), 1, 10],
    ])
    expect(sent).toMatchObject({ packets: 2, duplicates: 0, retransmissions: 1 })
  })
})
