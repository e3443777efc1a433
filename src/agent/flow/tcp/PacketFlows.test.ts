import { expect, it } from "@effect/vitest"
import * as fc from "fast-check"
import { describe } from "vitest"
import { Packet, Parsed, TcpFlag } from "../../capture/packet/Packet.ts"
import {
  bytesOf,
  ethernet,
  ipv4,
  ipv6,
  tcpFrame,
  tcpSegment,
  type TcpSpec,
  text,
  udpDatagram,
  vxlan,
} from "../../capture/packet/packets.testing.ts"
import { parsePacket } from "../../capture/packet/parsePacket.ts"
import { FlowIndex } from "./FlowIndex.ts"
import { slotMemory } from "./FlowSlots.ts"
import { CloseType } from "../../../model/closeType.ts"
import { Meter } from "../FlowMeter.ts"
import { flowRecord } from "./flowRecord.ts"
import { clientIsn, Play, serverIsn } from "./streams.testing.ts"

const { ack: ACK, fin: FIN, rst: RST, syn: SYN } = TcpFlag

describe("tunnels", () => {
  it("connections are those of the packets within, until they are not to be looked into", () => {
    const play = new Play()
    const add = () => {
      const payload = udpDatagram(50_000, 4789, vxlan(7, tcpFrame({ payload: text("hello") })))
      const frame = ethernet(0x0800, ipv4({ from: "192.0.2.1", to: "192.0.2.2", protocol: 17 }, payload))
      return play.flows.add(frame, 0, frame.length, frame.length, 1, (play.timeUs += 2_000))
    }
    expect(add()).toBe(Parsed.tcp)
    play.flows.configure({ names: [], vxlanPorts: [4789], genevePorts: [] })
    expect(add()).toBe(Parsed.udp)
    play.end()
    const ends = play.ended.map(flowRecord).map(({ client_ip, protocol }) => `${protocol} ${client_ip}`)
    expect(ends).toEqual(["tcp 10.0.0.1", "udp 192.0.2.1"])
    expect(play.streams[0].directions).toEqual(["hello", ""])
  })

  it("a VLAN is told that the kernel took out of a packet", () => {
    const play = new Play()
    const frame = tcpFrame({})
    play.flows.add(frame, 0, frame.length, frame.length, 1, play.timeUs, 2, true, 77)
    play.end()
    expect(play.ended[0].vlan).toBe(77)
  })
})

describe("streams", () => {
  it("delivers both directions in order, from handshake to FIN", () => {
    const play = new Play()
    play.handshake()
    play.client(0, "request")
    play.server(0, "response", { ack: clientIsn + 8 })
    play.client(7, "", { flags: FIN | ACK, ack: serverIsn + 9 })
    play.server(8, "", { flags: FIN | ACK, ack: clientIsn + 9 })
    play.client(8, "", { ack: serverIsn + 10 })
    expect(play.streams).toHaveLength(1)
    expect(play.streams[0].directions).toEqual(["request", "response"])
    expect(play.streams[0].feeds.map(([, , seq]) => seq)).toEqual([clientIsn + 1, serverIsn + 1])
    expect(play.streams[0].closes).toBe(1)
    play.end()
    expect(play.ended.map(flowRecord)).toEqual([
      expect.objectContaining({
        client_ip: "10.0.0.1",
        client_port: 40_000,
        server_ip: "10.0.0.2",
        server_port: 80,
        direction_score: 255,
        close_type: "Finish",
        packet_tx: 5,
        packet_rx: 3,
        l4_byte_tx: 7,
        l4_byte_rx: 8,
        rtt_us: 4_000,
        rtt_client: { count: 1, sum_us: 2_000, max_us: 2_000 },
        rtt_server: { count: 1, sum_us: 2_000, max_us: 2_000 },
        retrans_client: 0,
        fin: 2,
      }),
    ])
  })

  it("puts segments in order and takes the time at which their turn came", () => {
    const play = new Play()
    play.handshake()
    play.client(6, "world")
    play.client(11, "!")
    play.client(0, "hello ")
    expect(play.streams[0].directions[0]).toBe("hello world!")
    expect(new Set(play.streams[0].feeds.map(([, timeUs]) => timeUs))).toEqual(new Set([play.timeUs]))
    expect(flowRecord(play.streams[0].flow)).toMatchObject({ ooo_client: 1, retrans_client: 0 })
  })

  it("trims what was sent before, wholly or in part", () => {
    const play = new Play()
    play.handshake()
    play.client(0, "abcdef")
    play.client(0, "abcdef")
    play.client(3, "defghi")
    play.client(1, "bc")
    expect(play.streams[0].directions[0]).toBe("abcdefghi")
    expect(play.streams[0].flow.account.second[Meter.retransTx]).toBe(3)
  })

  it("does not count keep-alives and copies as retransmissions", () => {
    const play = new Play()
    play.handshake()
    play.client(0, "abc")
    play.client(0, "abc", {}, 10)
    play.client(2, "c")
    play.client(2, "")
    const { flow } = play.streams[0]
    expect(flowRecord(flow)).toMatchObject({ retrans_client: 0, packet_tx: 5 })
    expect(flow.duplicates).toBe(1)
  })

  it("tells copies of bare acknowledgements by the identification", () => {
    const play = new Play()
    play.handshake()
    play.client(0, "", { identification: 7 }, 10)
    play.client(0, "", { identification: 7 }, 10)
    play.client(0, "", { identification: 8 }, 10)
    play.client(0, "", {}, 10)
    play.client(0, "", {}, 10)
    play.end()
    expect(play.ended[0]).toMatchObject({ duplicates: 1, toServer: { packets: 6 } })
  })

  it("gives a gap up once the other side acknowledged it", () => {
    const play = new Play()
    play.handshake()
    play.client(0, "ab")
    play.client(5, "fg")
    expect(play.streams[0].directions[0]).toBe("ab")
    play.server(0, "", { ack: clientIsn + 8 })
    expect(play.streams[0].directions[0]).toBe("ab<3>fg")
    play.client(2, "cde")
    expect(play.streams[0].directions[0]).toBe("ab<3>fg")
    expect(play.flows.reassembler.budget.bytes).toBe(0)
  })

  it("delivers the loss of a whole request before the response to it", () => {
    const play = new Play()
    play.handshake()
    play.server(0, "response", { ack: clientIsn + 1 + 30 })
    expect(play.streams[0].directions).toEqual(["<30>", "response"])
    expect(play.streams[0].feeds.map(([direction]) => direction)).toEqual([0, 1])
  })

  it("gives a gap up by time, and at the end", () => {
    const play = new Play()
    play.handshake()
    play.client(2, "cd")
    play.flows.expire(play.timeUs + 1_000_000)
    expect(play.streams).toHaveLength(0)
    play.flows.expire(play.timeUs + 2_000_000)
    expect(play.streams[0].directions[0]).toBe("<2>cd")
    play.client(5, "f")
    play.end()
    expect(play.streams[0].directions[0]).toBe("<2>cd<1>f")
    expect(play.streams[0].closes).toBe(1)
  })

  it("gives a gap up when 64 KiB wait behind it, and when all flows together hold too much", () => {
    const play = new Play()
    play.handshake()
    for (let i = 0; i < 70; i++) play.client(1 + i * 1000, "x".repeat(1000))
    expect(play.flows.reassembler.budget.bytes).toBe(0)
    expect(play.streams[0].directions[0].startsWith("<1>xxx")).toBe(true)
    const small = new Play({ maxQueuedBytes: 10 })
    small.handshake()
    small.client(1, "12345678")
    small.client(20, "12345678")
    expect(small.flows.reassembler.budget.bytes).toBeLessThanOrEqual(10)
    expect(small.flows.reassembler.counters.gapsByLimit).toBeGreaterThan(0)
    small.end()
    expect(small.streams[0].directions[0]).toBe("<1>12345678<11>12345678")
  })

  it("counts what the capture cut off as missing", () => {
    const play = new Play()
    play.handshake()
    const whole = tcpFrame({ seq: clientIsn + 1, ack: serverIsn + 1, payload: text("abcdefgh") })
    play.flows.add(whole, 0, whole.length - 5, whole.length, 1, play.timeUs)
    play.client(8, "i")
    expect(play.streams[0].directions[0]).toBe("abc<5>i")
  })

  it("crosses the end of the sequence numbers", () => {
    const play = new Play()
    play.client(0, "", { seq: 0xfffffffd, flags: SYN, ack: 0 })
    play.client(0, "ef", { seq: 2 })
    play.client(0, "abcd", { seq: 0xfffffffe })
    expect(play.streams[0].directions[0]).toBe("abcdef")
    expect(play.streams[0].feeds.map(([, , seq]) => seq)).toEqual([0xfffffffe, 2])
  })

  it("joins in the middle and guesses the client by the ports", () => {
    const play = new Play()
    play.server(500, "middle")
    play.client(100, "next")
    expect(play.streams[0].directions).toEqual(["next", "middle"])
    expect(play.streams[0].flow).toMatchObject({
      account: { directionScore: 200 },
      client: { port: 40_000 },
    })
  })

  it("delivers nothing more to who abandoned the stream, and keeps nothing for it", () => {
    const play = new Play()
    play.handshake()
    play.client(0, "a")
    play.client(5, "f")
    play.streams[0].isAbandoned = true
    play.client(1, "b")
    play.client(10, "later")
    expect(play.streams[0].directions[0]).toBe("ab")
    expect(play.flows.reassembler.budget.bytes).toBe(0)
    play.end()
    expect(play.streams[0].closes).toBe(1)
  })
})

describe("connections", () => {
  it("a new SYN on the same ports is a new connection, a repeated one is not", () => {
    const play = new Play()
    play.handshake()
    play.client(-1, "", { flags: SYN, ack: 0 })
    play.client(0, "first")
    play.client(0, "", { seq: 90_000, flags: SYN, ack: 0 })
    play.client(0, "second", { seq: 90_001 })
    expect(play.streams.map(({ directions }) => directions[0])).toEqual(["first", "second"])
    expect(flowRecord(play.ended[0])).toMatchObject({ end_reason: "reused", syn: 2, retrans_syn: 1 })
  })

  it("takes a SYN that was captured late as the beginning of the same connection", () => {
    const play = new Play()
    play.server(-1, "", { flags: SYN | ACK })
    play.client(-1, "", { flags: SYN, ack: 0 })
    play.client(0, "x")
    expect(play.flows.counters.opened).toBe(1)
    expect(play.streams[0].flow).toMatchObject({
      account: { directionScore: 255 },
      client: { port: 40_000 },
    })
  })

  it("a reset closes at once; what comes later is counted and not delivered", () => {
    const play = new Play()
    play.handshake()
    play.client(0, "abc")
    play.server(0, "", { flags: RST | ACK })
    expect(play.streams[0].closes).toBe(1)
    play.client(3, "def")
    play.end()
    expect(play.streams[0].directions[0]).toBe("abc")
    expect(flowRecord(play.ended[0])).toMatchObject({ close_type: "TcpServerRst", l4_byte_tx: 6 })
  })

  it("a reset that is nowhere near the connection does not close it", () => {
    const play = new Play()
    play.handshake()
    play.server(0, "abc")
    play.server(0, "", { seq: 0x50000000, flags: RST })
    play.server(3, "def")
    expect(play.streams[0]).toMatchObject({ closes: 0, directions: ["", "abcdef"] })
  })

  it("a connection captured twice, packet by packet, is the same connection", () => {
    const runs = [1, 2].map((times) => {
      const play = new Play()
      let identification = 0
      const twice = (send: (spec: TcpSpec, afterUs: number) => void) => {
        identification++
        for (let i = 0; i < times; i++) send({ identification }, i === 0 ? 100 : 0)
      }
      twice((spec, us) => play.client(-1, "", { ...spec, flags: SYN, ack: 0 }, us))
      twice((spec, us) => play.server(-1, "", { ...spec, flags: SYN | ACK }, us))
      twice((spec, us) => play.client(0, "", spec, us))
      twice((spec, us) => play.client(0, "request", spec, us))
      twice((spec, us) => play.server(0, "response", { ...spec, ack: clientIsn + 8 }, us))
      twice((spec, us) => play.client(7, "", { ...spec, flags: FIN | ACK, ack: serverIsn + 9 }, us))
      twice((spec, us) => play.server(8, "", { ...spec, flags: FIN | ACK, ack: clientIsn + 9 }, us))
      twice((spec, us) => play.client(8, "", { ...spec, ack: serverIsn + 10 }, us))
      play.end()
      expect(play.ended.map(({ duplicates }) => duplicates)).toEqual([(times - 1) * 8])
      return {
        streams: play.streams.map(({ feeds, directions }) => [feeds, directions]),
        flows: play.ended.map(flowRecord),
      }
    })
    expect(runs[1].streams).toEqual(runs[0].streams)
    expect(runs[1].flows).toEqual(runs[0].flows.map((flow) => ({ ...flow, duplicates: 8 })))
  })

  it("a FIN before a gap waits for it, or for its acknowledgement", () => {
    const play = new Play()
    play.handshake()
    play.client(3, "", { flags: FIN | ACK })
    play.server(0, "", { flags: FIN | ACK })
    expect(play.flows.size).toBe(1)
    play.client(0, "abc")
    expect(play.streams[0].closes).toBe(1)
    const lossy = new Play()
    lossy.handshake()
    lossy.client(3, "", { flags: FIN | ACK })
    lossy.server(0, "", { flags: FIN | ACK, ack: clientIsn + 1 + 4 })
    expect(lossy.streams[0].directions[0]).toBe("<3>")
    expect(lossy.streams[0].closes).toBe(1)
  })

  it("segments that are nowhere near are strays, several in a row another connection", () => {
    const play = new Play()
    play.handshake()
    play.client(0, "abc")
    play.client(0, "spoof", { seq: 0x60000000 })
    play.client(3, "def")
    for (let i = 0; i < 4; i++) play.client(0, "new", { seq: 0x70000000 + i * 3 })
    expect(play.streams.map(({ directions }) => directions[0])).toEqual(["abcdef", "new"])
    expect(play.flows.counters.reused).toBe(1)
  })

  it("forgets idle flows and makes room for new ones, least valuable first", () => {
    const play = new Play({ maxFlows: 4 })
    play.handshake()
    for (let port = 1; port <= 10; port++) play.client(0, "", { fromPort: 50_000 + port, flags: SYN })
    expect(play.flows.size).toBe(4)
    expect(play.flows.counters.evicted).toBe(7)
    expect(play.ended.every(({ client }) => client.port > 50_000)).toBe(true)
    play.flows.expire(play.timeUs + 31_000_000)
    expect(play.flows.size).toBe(1)
    play.flows.expire(play.timeUs + 301_000_000)
    expect(play.flows.size).toBe(0)
    expect(play.ended.at(-1)?.closeType).toBe(CloseType.timeout)
  })

  it("follows UDP in both directions and keeps equal datagrams", () => {
    const play = new Play()
    const query = ethernet(0x0800, ipv4({ protocol: 17 }, udpDatagram(40_000, 53, text("query"))))
    const answer = ethernet(
      0x0800,
      ipv4({ protocol: 17, from: "10.0.0.2", to: "10.0.0.1" }, udpDatagram(53, 40_000, text("answer"))),
    )
    for (const frame of [answer, query, query])
      play.flows.add(frame, 0, frame.length, frame.length, 1, play.timeUs)
    play.end()
    expect(play.ended.map(flowRecord)).toEqual([
      expect.objectContaining({
        protocol: "udp",
        server_port: 53,
        packet_tx: 2,
        packet_rx: 1,
        l4_byte_tx: 10,
      }),
    ])
  })

  it("keeps apart flows that share ports, addresses or only the protocol", () => {
    const play = new Play()
    const tcp = tcpSegment({ payload: text("x") })
    const frames = [
      ethernet(0x0800, ipv4({}, tcp)),
      ethernet(0x0800, ipv4({ to: "10.0.0.3" }, tcp)),
      ethernet(0x86dd, ipv6(6, tcp)),
      ethernet(0x0800, ipv4({ protocol: 17 }, udpDatagram(40_000, 80, text("x")))),
      ethernet(0x0800, ipv4({}, tcpSegment({ fromPort: 40_001 }))),
    ]
    for (const frame of frames) play.flows.add(frame, 0, frame.length, frame.length, 1, play.timeUs)
    expect(play.flows.size).toBe(5)
  })
})

describe("properties", () => {
  const stream = Array.from({ length: 400 }, (_, i) => String.fromCharCode(97 + ((i * 7) % 26))).join("")
  const segments = fc.array(fc.tuple(fc.nat(399), fc.integer({ min: 1, max: 60 }), fc.nat(1000)), {
    maxLength: 60,
  })

  it("any segmentation, order, duplication and overlap gives the same bytes", () => {
    fc.assert(
      fc.property(
        segments,
        fc.integer({ min: 4, max: 80 }),
        fc.integer({ min: -500, max: 100 }),
        (extra, step, isn) => {
          const play = new Play()
          const seq = (at: number) => (isn + 1 + at) >>> 0
          play.client(0, "", { seq: isn >>> 0, flags: SYN, ack: 0 })
          const all = [...extra]
          for (let at = 0; at < stream.length; at += step) all.push([at, step, (at * 7919) % 1000])
          for (const [at, length] of all.sort((a, b) => a[2] - b[2])) {
            play.client(0, stream.slice(at, at + length), { seq: seq(at) })
          }
          expect(play.streams[0].directions[0]).toBe(stream)
          expect(play.flows.reassembler.budget.bytes).toBe(0)
        },
      ),
      { numRuns: 400 },
    )
  })

  it("with losses every byte is delivered once, or missing once", () => {
    fc.assert(
      fc.property(segments, fc.array(fc.nat(400), { maxLength: 4 }), (some, acks) => {
        const play = new Play()
        play.handshake()
        some.forEach(([at, length], i) => {
          play.client(at, stream.slice(at, at + length))
          if (i < acks.length) play.server(0, "", { ack: clientIsn + 1 + acks[i] })
        })
        play.end()
        const got = play.streams[0]?.directions[0] ?? ""
        let at = 0
        for (const [part] of got.matchAll(/<\d+>|[a-z]+/g)) {
          if (part.startsWith("<")) at += Number(part.slice(1, -1))
          else {
            expect(part).toBe(stream.slice(at, at + part.length))
            at += part.length
          }
        }
        expect(at).toBe(Math.max(0, ...some.map(([at, length]) => Math.min(stream.length, at + length))))
      }),
      { numRuns: 400 },
    )
  })

  it("hostile packets never throw and never exceed the limits", () => {
    const spec = fc.record({
      seq: fc.oneof(fc.nat(0xffffffff), fc.integer({ min: 900, max: 1100 })),
      ack: fc.oneof(fc.nat(0xffffffff), fc.integer({ min: 900, max: 1100 })),
      flags: fc.nat(63),
      fromPort: fc.constantFrom(80, 40_000, 40_001),
      toPort: fc.constantFrom(80, 40_000, 40_001),
      payload: fc.uint8Array({ maxLength: 40 }),
    })
    fc.assert(
      fc.property(fc.array(fc.tuple(spec, fc.nat(3_000_000)), { maxLength: 120 }), (packets) => {
        const play = new Play({ maxFlows: 2, maxQueuedBytes: 200 })
        for (const [packet, afterUs] of packets) {
          play.packet(packet, afterUs)
          expect(play.flows.size).toBeLessThanOrEqual(2)
          expect(play.flows.reassembler.budget.bytes).toBeLessThanOrEqual(200)
        }
        play.end()
        expect(play.flows.size).toBe(0)
        expect(play.flows.reassembler.budget.bytes).toBe(0)
        expect(play.ended).toHaveLength(play.flows.counters.opened)
        expect(play.streams.every(({ closes }) => closes === 1)).toBe(true)
        for (const { feeds } of play.streams) {
          for (const direction of [0, 1]) {
            const times = feeds.filter((feed) => feed[0] === direction).map(([, timeUs]) => timeUs)
            expect(times).toEqual([...times].sort((a, b) => a - b))
          }
        }
      }),
      { numRuns: 300 },
    )
  })

  it("random frames never throw", () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 90 }), { maxLength: 20 }), (frames) => {
        const play = new Play({ maxFlows: 4 })
        for (const bytes of frames) {
          const frame = bytesOf([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 8, 0, 0x45], bytes)
          play.flows.add(frame, 0, frame.length, frame.length, 1, 0)
        }
        play.end()
        expect(play.flows.parsed.reduce((sum, count) => sum + count, 0)).toBe(frames.length)
      }),
    )
  })

  it("the index finds exactly what was put in and not taken out", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(30), fc.boolean()), { maxLength: 200 }), (steps) => {
        const index = new FlowIndex(16, 0, slotMemory(16).words)
        const slots = new Map<number, number>()
        const play = (port: number) => index.find(keyed(index, port))
        for (const [port, isAdd] of steps) {
          expect(play(port)).toBe(slots.get(port) ?? -1)
          const slot = slots.get(port)
          if (isAdd && slot === undefined && index.size < 16)
            slots.set(port, index.insert(keyed(index, port)))
          else if (!isAdd && slot !== undefined) {
            index.remove(slot)
            slots.delete(port)
          }
          for (const [port, slot] of slots) expect(play(port)).toBe(slot)
        }
        expect(new Set(slots.values()).size).toBe(slots.size)
      }),
    )
  })
})

const keyed = (index: FlowIndex, port: number) => {
  const packet = packetOf(port)
  index.setKey(packet)
  return packet
}

const packetOf = (port: number) => {
  const packet = new Packet()
  const frame = tcpFrame({ fromPort: 1000 + port, toPort: 1015 })
  expect(parsePacket(packet, frame, 0, frame.length, frame.length, 1, 0)).toBe(Parsed.tcp)
  return packet
}
