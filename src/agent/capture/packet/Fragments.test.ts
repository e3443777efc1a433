import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import { LinkType } from "../pcap/linkTypes.ts"
import { Fragments, type FragmentsOptions } from "./Fragments.ts"
import { Packet, Parsed, TunnelType } from "./Packet.ts"
import {
  bytesOf,
  ethernet,
  ipv4,
  ipv6,
  tcpSegment,
  text,
  udpDatagram,
  uint16,
  uint32,
  vxlan,
} from "./packets.testing.ts"
import { parsePacket } from "./parsePacket.ts"
import { defaultTunnels, Tunnels } from "./Tunnels.ts"

interface Whole {
  readonly parsed: Parsed
  readonly payload: Uint8Array
  readonly packet: Packet
}

const setUp = (options: Partial<FragmentsOptions> = {}) => {
  const whole: Array<Whole> = []
  const tunnels = new Tunnels(defaultTunnels)
  const fragments: Fragments = new Fragments({
    onPacket: (packet, parsed) => {
      if (packet.isFragment) return fragments.add(packet)
      const payload = packet.bytes.slice(packet.payloadStart, packet.payloadEnd)
      whole.push({ parsed, payload, packet: Object.assign(new Packet(), packet) })
    },
    tunnels: () => tunnels,
    seed: 42,
    ...options,
  })
  const packet = new Packet()
  const add = (frame: Uint8Array, timeUs = 1_000, wireBytes = frame.length) => {
    parsePacket(packet, frame, 0, frame.length, wireBytes, LinkType.ethernet, timeUs, tunnels)
    packet.interfaceIndex = 3
    if (packet.isFragment) fragments.add(packet)
  }
  return { add, fragments, whole }
}

interface Cut {
  readonly offset: number
  readonly bytes: Uint8Array
  readonly hasMore: boolean
}

/** `bytes` in parts of `size`, a multiple of 8. */
const cut = (bytes: Uint8Array, size: number): Array<Cut> => {
  const parts: Array<Cut> = []
  for (let offset = 0; offset < bytes.length; offset += size) {
    parts.push({
      offset,
      bytes: bytes.subarray(offset, offset + size),
      hasMore: offset + size < bytes.length,
    })
  }
  return parts
}

const v4 = ({ bytes, hasMore, offset }: Cut, identification = 77, protocol = 17): Uint8Array =>
  ethernet(
    0x0800,
    ipv4({ protocol, identification, fragment: (hasMore ? 0x2000 : 0) | (offset / 8) }, bytes),
    [9],
  )
const v6 = ({ bytes, hasMore, offset }: Cut, identification = 77, protocol = 17): Uint8Array =>
  ethernet(
    0x86dd,
    ipv6(44, bytesOf([protocol, 0], uint16(offset | (hasMore ? 1 : 0)), uint32(identification), bytes)),
  )

const body = Uint8Array.from({ length: 4_000 }, (_, i) => i * 7 + (i >> 8))
const datagram = udpDatagram(53, 40_000, body)

describe.each([
  ["IPv4", v4],
  ["IPv6", v6],
])("fragments of %s", (name, fragment) => {
  const parts = cut(datagram, 1_480).map((part) => fragment(part))

  it.each([
    ["in order", [0, 1, 2]],
    ["the last first", [2, 1, 0]],
    ["the first last", [1, 2, 0]],
    ["some twice", [0, 0, 1, 0, 1, 2, 2]],
  ])("are one packet again: %s", (_name, order) => {
    const { add, fragments, whole } = setUp()
    for (const at of order) add(parts[at])
    expect(whole).toHaveLength(1)
    expect(whole[0].payload).toEqual(body)
    expect(whole[0].parsed).toBe(Parsed.udp)
    expect(whole[0].packet).toMatchObject({
      sourcePort: 53,
      targetPort: 40_000,
      packets: 3,
      wireBytes: parts[0].length + parts[1].length + parts[2].length,
      missing: 0,
      vlan: name === "IPv4" ? 9 : 0,
      interfaceIndex: 3,
      identification: name === "IPv4" ? 77 : 0,
      hopLimit: 64,
    })
    const { bytes, macSourceAt } = whole[0].packet
    expect([...bytes.subarray(macSourceAt, macSourceAt + 6)]).toEqual([2, 0, 0, 0, 0, 1])
    expect(fragments.counters).toMatchObject({
      reassembled: 1,
      copies: order.length - 3,
      incomplete: 0,
      lost: 0,
    })
    expect(fragments.heldBytes).toBe(0)
  })

  it("of several packets do not mix", () => {
    const { add, whole } = setUp()
    const other = udpDatagram(53, 40_001, body.toReversed())
    const others = cut(other, 1_480)
    for (const at of [0, 1, 2]) {
      add(parts[at])
      add(fragment(others[at], 78))
    }
    expect(whole.map(({ payload }) => payload)).toEqual([body, body.toReversed()])
  })

  it("that never get whole are handed on as far as they go", () => {
    const { add, fragments, whole } = setUp()
    add(parts[0])
    add(parts[2])
    fragments.expire(4_000_000)
    expect(whole).toEqual([])
    fragments.expire(6_000_000)
    expect(whole).toHaveLength(1)
    expect(whole[0].payload).toEqual(body.subarray(0, 1_472))
    expect(whole[0].packet).toMatchObject({ missing: 4_000 - 1_472, packets: 2 })
    expect(fragments.counters).toMatchObject({ incomplete: 1, lost: 0 })
    expect([fragments.size, fragments.heldBytes]).toEqual([0, 0])
  })

  it("without the first belong to nobody", () => {
    const { add, fragments, whole } = setUp()
    add(parts[1])
    add(parts[2])
    fragments.endAll()
    expect(whole).toEqual([])
    expect(fragments.counters).toMatchObject({ incomplete: 1, lost: 2 })
  })

  it.each([
    ["into the one before", { offset: 1_472, bytes: body.subarray(0, 1_480), hasMore: true }],
    ["into the one behind", { offset: 8, bytes: body.subarray(0, 8), hasMore: true }],
    ["all", { offset: 0, bytes: body.subarray(0, 2_960), hasMore: true }],
  ])("that overlap drop the packet: %s", (_name, attack) => {
    const { add, fragments, whole } = setUp()
    add(parts[0])
    add(fragment(attack))
    add(parts[1])
    add(parts[2])
    fragments.expire(6_000_000)
    expect(whole).toEqual([])
    expect(fragments.counters).toMatchObject({ overlapping: 1, lost: 4, reassembled: 0, incomplete: 0 })
    expect([fragments.size, fragments.heldBytes]).toEqual([0, 0])
  })

  it("that disagree about the end drop the packet", () => {
    const { add, fragments } = setUp()
    add(parts[2])
    add(fragment({ offset: 8_000, bytes: body.subarray(0, 8), hasMore: false }))
    add(fragment({ offset: 16_000, bytes: body.subarray(0, 8), hasMore: true }, 78))
    add(fragment({ offset: 8_000, bytes: body.subarray(0, 8), hasMore: false }, 78))
    expect(fragments.counters.overlapping).toBe(2)
  })

  it("that a capture cut off leave a gap", () => {
    const { add, whole } = setUp()
    add(parts[0])
    add(parts[1].subarray(0, 200), 1_000, parts[1].length)
    add(parts[2])
    expect(whole).toHaveLength(1)
    const { packet, payload } = whole[0]
    expect(payload).toEqual(body.subarray(0, payload.length))
    expect(payload.length).toBeGreaterThan(1_472)
    expect(payload.length + packet.missing).toBe(4_000)
    expect(packet.packets).toBe(3)
  })

  it("of lengths that cannot be are counted", () => {
    const { add, fragments } = setUp()
    add(fragment({ offset: 0, bytes: body.subarray(0, 13), hasMore: true }))
    add(fragment({ offset: 65_528, bytes: body.subarray(0, 800), hasMore: false }))
    expect(fragments.counters.malformed).toBe(2)
    expect(fragments.size).toBe(0)
  })

  it("bring a TCP header that was cut in the middle", () => {
    const { add, whole } = setUp()
    for (const part of cut(tcpSegment({ payload: text("hello") }), 8)) add(fragment(part, 5, 6))
    expect(whole[0]).toMatchObject({ parsed: Parsed.tcp, payload: text("hello") })
  })

  it("take bounded room", () => {
    const { add, fragments, whole } = setUp({ maxPackets: 4, maxBytes: 12_288 })
    for (let id = 1; id <= 100; id++) {
      add(fragment(cut(datagram, 1_480)[0], id))
      expect(fragments.size).toBeLessThanOrEqual(4)
      expect(fragments.heldBytes).toBeLessThanOrEqual(12_288)
    }
    expect(whole.length).toBe(97)
    add(fragment({ offset: 40_000, bytes: body.subarray(0, 8), hasMore: true }, 100))
    expect(fragments.heldBytes).toBeLessThanOrEqual(12_288)
    expect(fragments.counters.lost).toBe(1)
  })

  it("with a number used again begin another packet", () => {
    const { add, fragments, whole } = setUp()
    for (const part of parts) add(part, 1_000)
    for (const part of parts) add(part, 2_000)
    expect(whole).toHaveLength(1)
    expect(fragments.counters.copies).toBe(3)
    for (const part of parts) add(part, 100_000)
    expect(whole).toHaveLength(2)
    expect(fragments.counters.reassembled).toBe(2)
  })
})

describe("fragments and tunnels", () => {
  const segment = tcpSegment({ fromPort: 4242, payload: body.subarray(0, 900) })
  const inner = ethernet(0x0800, ipv4({ from: "10.9.0.1", to: "10.9.0.2" }, segment))
  const expectInner = (whole: ReadonlyArray<Whole>, type: number, tier: number) => {
    expect(whole).toHaveLength(1)
    const { packet, parsed, payload } = whole[0]
    expect(parsed).toBe(Parsed.tcp)
    expect(payload).toEqual(body.subarray(0, 900))
    expect(packet).toMatchObject({ tunnelType: type, tunnelTier: tier, sourcePort: 4242 })
    const { bytes, outerSourceAt } = packet
    expect([...bytes.subarray(outerSourceAt, outerSourceAt + 4)]).toEqual([10, 0, 0, 1])
  }

  it("a tunnel's datagram in fragments is looked into when it is whole", () => {
    const { add, whole } = setUp()
    for (const part of cut(udpDatagram(50_000, 4789, vxlan(7, inner)), 488)) add(v4(part))
    expectInner(whole, TunnelType.vxlan, 1)
  })

  it("fragments within a tunnel, also when the tunnel's packets are in fragments", () => {
    const within = cut(segment, 488).map((part) =>
      ipv4(
        { from: "10.9.0.1", to: "10.9.0.2", fragment: (part.hasMore ? 0x2000 : 0) | (part.offset / 8) },
        part.bytes,
      ),
    )
    const once = setUp()
    for (const packet of within) once.add(ethernet(0x0800, ipv4({ protocol: 4 }, packet)))
    expectInner(once.whole, TunnelType.ipip, 1)
    const twice = setUp()
    for (const [id, packet] of within.entries())
      for (const part of cut(packet, 128)) twice.add(v4(part, id, 4))
    expectInner(twice.whole, TunnelType.ipip, 1)
    expect(twice.whole[0].packet.packets).toBe(within.flatMap((packet) => cut(packet, 128)).length)
  })
})

it("any order of any cut gives the same packet", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 5, max: 200 }),
      fc.integer({ min: 1, max: 4_000 }),
      fc.array(fc.nat(), { minLength: 1, maxLength: 104 }),
      fc.constantFrom(v4, v6),
      (eights, length, order, fragment) => {
        const payload = body.subarray(0, length)
        const parts = cut(udpDatagram(1, 2, payload), eights * 8)
        if (parts.length < 2) return
        const { add, fragments, whole } = setUp()
        const rest = [...parts]
        for (let i = 0; rest.length > 0; i++)
          add(fragment(rest.splice(order[i % order.length] % rest.length, 1)[0]))
        expect(whole.map((packet) => packet.payload)).toEqual([payload])
        expect(fragments.heldBytes).toBe(0)
      },
    ),
    { numRuns: 300 },
  )
})

it("any fragments leave nothing behind and hand on each byte at most once", () => {
  const part = fc.record({ at: fc.nat(20), eights: fc.nat(12), hasMore: fc.boolean(), id: fc.nat(2) })
  fc.assert(
    fc.property(fc.array(part, { maxLength: 30 }), fc.constantFrom(v4, v6), (parts, fragment) => {
      const { add, fragments, whole } = setUp({ maxPackets: 2, maxBytes: 8_192 })
      for (const { at, eights, hasMore, id } of parts) {
        add(fragment({ offset: at * 8, bytes: body.subarray(0, eights * 8), hasMore }, id))
      }
      fragments.endAll()
      expect([fragments.size, fragments.heldBytes]).toEqual([0, 0])
      const { copies, lost, malformed } = fragments.counters
      const handedOn = whole.reduce((sum, { packet }) => sum + packet.packets, 0)
      // What is neither offset nor "more" is no fragment.
      const given = parts.filter(({ at, hasMore }) => at > 0 || hasMore).length
      expect(handedOn + copies + lost + malformed).toBe(given)
    }),
    { numRuns: 1000 },
  )
})
