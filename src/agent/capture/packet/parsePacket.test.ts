import { expect, it } from "@effect/vitest"
import * as fc from "fast-check"
import { describe } from "vitest"
import { LinkType } from "../pcap/linkTypes.ts"
import { Packet, Parsed, TcpFlag } from "./Packet.ts"
import {
  bytesOf,
  ethernet,
  ipv4,
  ipv6,
  tcpFrame,
  tcpSegment,
  text,
  udpDatagram,
  uint16,
  uint32,
} from "./packets.testing.ts"
import { parsePacket } from "./parsePacket.ts"

const parse = (bytes: Uint8Array, linkType: number = LinkType.ethernet, wireBytes = bytes.length) => {
  const packet = new Packet()
  const parsed = parsePacket(packet, bytes, 0, bytes.length, wireBytes, linkType, 5)
  const payload = new TextDecoder().decode(packet.bytes.subarray(packet.payloadStart, packet.payloadEnd))
  return { packet, parsed, payload }
}

const segment = tcpSegment({
  fromPort: 4242,
  toPort: 80,
  seq: 0xfffffff0,
  ack: 7,
  flags: TcpFlag.psh | TcpFlag.ack,
  payload: text("hello"),
})
const datagram = udpDatagram(5353, 53, text("query"))

const expectSegment = ({ packet, parsed, payload }: ReturnType<typeof parse>) => {
  expect(parsed).toBe(Parsed.tcp)
  expect(packet).toMatchObject({
    sourcePort: 4242,
    targetPort: 80,
    seq: -16,
    ack: 7,
    flags: 24,
    window: 512,
    missing: 0,
  })
  expect(payload).toBe("hello")
}

describe("link layers", () => {
  const ip = ipv4({}, segment)
  const sll = (type: number) => bytesOf([0, type, 0, 1, 0, 6, 1, 2, 3, 4, 5, 6, 0, 0])
  it.each([
    ["Ethernet", LinkType.ethernet, ethernet(0x0800, ip)],
    ["Ethernet with IPv6", LinkType.ethernet, ethernet(0x86dd, ipv6(6, segment))],
    ["Linux cooked", LinkType.linuxSll, bytesOf(sll(0), uint16(0x0800), ip)],
    ["Linux cooked v2", LinkType.linuxSll2, bytesOf(uint16(0x0800), new Uint8Array(18), ip)],
    ["raw", LinkType.raw, ip],
    ["raw, BSD", LinkType.rawBsd, ip],
    ["IPv4", LinkType.ipv4, ip],
    ["IPv6", LinkType.ipv6, ipv6(6, segment)],
    ["null, little endian", LinkType.null, bytesOf([2, 0, 0, 0], ip)],
    ["null, big endian, IPv6", LinkType.null, bytesOf([0, 0, 0, 30], ipv6(6, segment))],
    ["loop", LinkType.loop, bytesOf([0, 0, 0, 2], ip)],
  ])("%s", (_name, linkType, bytes) => expectSegment(parse(bytes, linkType)))

  it("reads VLAN stacks and keeps the outermost", () => {
    const one = parse(ethernet(0x0800, ip, [42]))
    expectSegment(one)
    expect(one.packet.vlan).toBe(42)
    const two = parse(ethernet(0x86dd, ipv6(6, segment), [0x6000 | 7, 8]))
    expectSegment(two)
    expect(two.packet.vlan).toBe(7)
    const cooked = parse(
      bytesOf(uint16(0x8100), new Uint8Array(18), uint16(9), uint16(0x0800), ip),
      LinkType.linuxSll2,
    )
    expectSegment(cooked)
    expect(cooked.packet.vlan).toBe(9)
  })

  it("tells packets that were sent", () => {
    expect(parse(bytesOf(sll(4), uint16(0x0800), ip), LinkType.linuxSll).packet.isOutgoing).toBe(true)
    expect(parse(bytesOf(sll(0), uint16(0x0800), ip), LinkType.linuxSll).packet.isOutgoing).toBe(false)
  })

  it("says what is not IP", () => {
    expect(parse(ethernet(0x0806, new Uint8Array(28))).parsed).toBe(Parsed.notIp)
    expect(parse(bytesOf([7, 0, 0, 0], ip), LinkType.null).parsed).toBe(Parsed.notIp)
    expect(parse(ethernet(0x0800, text("xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"))).parsed).toBe(Parsed.notIp)
  })
})

describe("IP", () => {
  it("steps over options of IPv4 and TCP", () => {
    const options = new Uint8Array(8).fill(1)
    const tcp = tcpSegment({ payload: text("x"), options: new Uint8Array(12).fill(1) })
    const { packet, payload } = parse(ethernet(0x0800, ipv4({ options }, tcp)))
    expect(payload).toBe("x")
    expect(packet.optionsEnd - packet.optionsStart).toBe(12)
  })

  it("steps over IPv6 extension headers", () => {
    const chain = bytesOf(
      [60, 0, 0, 0, 0, 0, 0, 0],
      [51, 1, ...new Uint8Array(14)],
      [6, 2, ...new Uint8Array(14)],
      segment,
    )
    expectSegment(parse(ethernet(0x86dd, ipv6(0, chain))))
    const endless = bytesOf(...Array.from({ length: 40 }, () => [0, 0, 0, 0, 0, 0, 0, 0]))
    expect(parse(ethernet(0x86dd, ipv6(0, endless))).parsed).toBe(Parsed.malformed)
  })

  it("does not take padding of the frame for payload", () => {
    expect(parse(bytesOf(ethernet(0x0800, ipv4({}, segment)), new Uint8Array(20))).payload).toBe("hello")
  })

  it("counts what the capture cut off as missing", () => {
    const whole = ethernet(0x0800, ipv4({}, segment))
    const { packet, payload } = parse(whole.subarray(0, whole.length - 3), LinkType.ethernet, whole.length)
    expect(payload).toBe("he")
    expect(packet.missing).toBe(3)
    const withOptions = ethernet(
      0x0800,
      ipv4({}, tcpSegment({ options: new Uint8Array(12), payload: text("hello") })),
    )
    const cut = parse(withOptions.subarray(0, 14 + 20 + 24), LinkType.ethernet, withOptions.length)
    expect(cut.parsed).toBe(Parsed.tcp)
    expect(cut.packet.missing).toBe(5)
    expect(cut.payload).toBe("")
  })

  it("takes the frame's length where segmentation offload left none", () => {
    expectSegment(parse(ethernet(0x0800, ipv4({ totalBytes: 0 }, segment))))
    expectSegment(parse(ethernet(0x86dd, ipv6(6, segment, 0))))
    const { packet } = parse(
      ethernet(0x0800, ipv4({ totalBytes: 0 }, segment)),
      LinkType.ethernet,
      0xffffffff,
    )
    expect(packet.missing).toBeLessThan(2 ** 20)
  })

  it("reads a first fragment, not the later ones", () => {
    const first = parse(ethernet(0x0800, ipv4({ fragment: 0x2000 }, segment)))
    expectSegment(first)
    expect(parse(ethernet(0x0800, ipv4({ fragment: 0x2001 }, segment))).parsed).toBe(Parsed.laterFragment)
    expect(parse(ethernet(0x86dd, ipv6(44, bytesOf([6, 0, 0, 9, 0, 0, 0, 1], segment)))).parsed).toBe(
      Parsed.laterFragment,
    )
    const whole = udpDatagram(1, 53, new Uint8Array(100))
    const cut = parse(ethernet(0x0800, ipv4({ protocol: 17, fragment: 0x2000 }, whole.subarray(0, 48))))
    expect(cut.packet.missing).toBe(60)
  })

  it("reads UDP and other transports", () => {
    const { packet, parsed, payload } = parse(ethernet(0x0800, ipv4({ protocol: 17 }, datagram)))
    expect(parsed).toBe(Parsed.udp)
    expect(packet).toMatchObject({ sourcePort: 5353, targetPort: 53, missing: 0 })
    expect(payload).toBe("query")
    expect(parse(ethernet(0x0800, ipv4({ protocol: 1 }, text("ping")))).parsed).toBe(Parsed.otherTransport)
  })

  it.each([
    ["an IPv4 header below 20 bytes", ethernet(0x0800, bytesOf([0x44], ipv4({}, segment).subarray(1)))],
    ["a total length below the header", ethernet(0x0800, ipv4({ totalBytes: 10 }, segment))],
    [
      "a TCP header below 20 bytes",
      ethernet(0x0800, ipv4({}, bytesOf(segment.subarray(0, 12), [0x40], segment.subarray(13)))),
    ],
    [
      "a TCP header beyond the packet",
      ethernet(0x0800, ipv4({}, bytesOf(segment.subarray(0, 12), [0xf0], segment.subarray(13)))),
    ],
    ["no room for ports", ethernet(0x0800, ipv4({ protocol: 17 }, new Uint8Array(4)))],
  ])("calls %s malformed", (_name, bytes) => expect(parse(bytes).parsed).toBe(Parsed.malformed))
})

describe("any bytes", () => {
  const wellFormed = [
    tcpFrame({ payload: text("hello"), options: new Uint8Array(4) }),
    ethernet(0x86dd, ipv6(0, bytesOf([6, 0, 0, 0, 0, 0, 0, 0], segment)), [1, 2]),
    ethernet(0x0800, ipv4({ protocol: 17 }, datagram)),
  ]
  const check = (bytes: Uint8Array, linkType: number) => {
    // Behind the packet lie bytes of others: nothing of them may be read.
    const buffer = bytesOf(uint32(0xdeadbeef), bytes, new Uint8Array(64).fill(0xff))
    const packet = new Packet()
    const end = 4 + bytes.length
    const parsed = parsePacket(packet, buffer, 4, end, bytes.length, linkType, 0)
    if (parsed > Parsed.udp) return
    expect(packet.payloadStart).toBeLessThanOrEqual(packet.payloadEnd)
    expect(packet.payloadEnd).toBeLessThanOrEqual(end)
    expect(packet.optionsEnd).toBeLessThanOrEqual(end)
    expect(packet.missing).toBeGreaterThanOrEqual(0)
    expect(packet.missing).toBeLessThan(2 ** 20)
  }
  const linkTypes = fc.constantFrom(...Object.values(LinkType))

  it("every cut of a packet", () => {
    for (const bytes of wellFormed) {
      for (let length = 0; length <= bytes.length; length++)
        check(bytes.subarray(0, length), LinkType.ethernet)
    }
  })

  it("random", () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 120 }), linkTypes, check), { numRuns: 3000 })
  })

  it("mutated", () => {
    const changes = fc.array(fc.tuple(fc.nat(200), fc.nat(255)), { maxLength: 4 })
    fc.assert(
      fc.property(fc.constantFrom(...wellFormed), changes, (bytes, changes) => {
        const copy = Uint8Array.from(bytes)
        for (const [at, value] of changes) copy[at % copy.length] = value
        check(copy, LinkType.ethernet)
      }),
      { numRuns: 3000 },
    )
  })
})
