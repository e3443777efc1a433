import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import { packetFilter } from "./cbpf.ts"
import { runFilter } from "./cbpf.testing.ts"
import { bytesOf, ethernet, ipv4, ipv6, tcpFrame, tcpSegment, udpDatagram } from "./packet/packets.testing.ts"

const snap = 2_048
const filter = packetFilter({ rejectPorts: [8_123, 20_033], snapBytes: snap })
const payload = new Uint8Array(20)
const segment = (fromPort: number, toPort: number) => tcpSegment({ fromPort, toPort, payload })

const loopback = 772
const tunnel = 65_534
const outgoing = 4

/** Ways to wrap one TCP segment, each of which must be seen through. */
const wrappings: Readonly<
  Record<string, readonly [wrap: (tcp: Uint8Array) => Uint8Array, deviceType?: number]>
> = {
  IPv4: [(tcp) => ethernet(0x0800, ipv4({}, tcp))],
  "IPv4 with options": [(tcp) => ethernet(0x0800, ipv4({ options: new Uint8Array(24).fill(1) }, tcp))],
  IPv6: [(tcp) => ethernet(0x86dd, ipv6(6, tcp))],
  "a VLAN tag": [(tcp) => ethernet(0x0800, ipv4({}, tcp), [7])],
  "two VLAN tags": [(tcp) => ethernet(0x86dd, ipv6(6, tcp), [7, 8])],
  loopback: [(tcp) => ethernet(0x0800, ipv4({}, tcp)), loopback],
  "IPv4 without Ethernet": [(tcp) => ipv4({}, tcp), tunnel],
  "IPv6 without Ethernet": [(tcp) => ipv6(6, tcp), tunnel],
}

describe("packetFilter", () => {
  for (const [name, [wrap, deviceType = 1]] of Object.entries(wrappings)) {
    it(`accepts TCP and rejects excluded ports at either end: ${name}`, () => {
      const verdict = (fromPort: number, toPort: number): number =>
        runFilter(filter, wrap(segment(fromPort, toPort)), { deviceType })
      expect(verdict(40_000, 80)).toBe(snap)
      expect(verdict(8_123, 40_000)).toBe(0)
      expect(verdict(40_000, 8_123)).toBe(0)
      expect(verdict(20_033, 40_000)).toBe(0)
      expect(verdict(40_000, 20_033)).toBe(0)
    })
  }

  it("looks at ports, not at what lies where they would be without options", () => {
    const options = new Uint8Array(8)
    new DataView(options.buffer).setUint16(0, 8_123)
    const packet = ethernet(0x0800, ipv4({ options }, segment(40_000, 80)))
    expect(runFilter(filter, packet)).toBe(snap)
  })

  it("accepts what is not TCP", () => {
    const datagram = udpDatagram(40_000, 8_123, payload)
    expect(runFilter(filter, ethernet(0x0800, ipv4({ protocol: 17 }, datagram)))).toBe(snap)
    expect(runFilter(filter, ethernet(0x86dd, ipv6(17, datagram)))).toBe(snap)
    expect(runFilter(filter, ethernet(0x0806, new Uint8Array(46)))).toBe(snap)
    expect(runFilter(filter, ethernet(0x0800, ipv4({ protocol: 17 }, datagram), [1, 2]))).toBe(snap)
    expect(runFilter(filter, ethernet(0x0800, ipv4({}, segment(8_123, 2)), [1, 2, 3]))).toBe(snap)
  })

  it("accepts where no port can be looked at: later fragments, IPv6 extension headers", () => {
    expect(runFilter(filter, ethernet(0x0800, ipv4({ fragment: 100 }, segment(8_123, 1))))).toBe(snap)
    for (const extension of [0, 43, 44, 51, 60]) {
      const behind = bytesOf([6, 0, 0, 0, 0, 0, 0, 0], segment(8_123, 1))
      expect(runFilter(filter, ethernet(0x86dd, ipv6(extension, behind)))).toBe(snap)
    }
  })

  it("takes a loopback packet once, elsewhere what goes out, too", () => {
    const packet = tcpFrame({})
    expect(runFilter(filter, packet, { deviceType: loopback, packetType: outgoing })).toBe(0)
    expect(runFilter(filter, packet, { deviceType: loopback, packetType: 0 })).toBe(snap)
    expect(runFilter(filter, packet, { deviceType: 1, packetType: outgoing })).toBe(snap)
  })

  it("takes as many ports as the kernel takes instructions, and says when there are more", () => {
    const ports = Array.from({ length: 900 }, (_, i) => 1_000 + i)
    const many = packetFilter({ rejectPorts: ports })
    expect(many.length / 8).toBeLessThanOrEqual(4_096)
    for (const port of [1_000, 1_500, 1_899]) {
      expect(runFilter(many, tcpFrame({ fromPort: port, toPort: 80 }))).toBe(0)
      expect(runFilter(many, tcpFrame({ fromPort: 80, toPort: port }))).toBe(0)
    }
    expect(runFilter(many, tcpFrame({ fromPort: 1_900, toPort: 999 }))).toBe(65_535)
    expect(() => packetFilter({ rejectPorts: Array.from({ length: 1_100 }, (_, i) => i) })).toThrow(/4096/)
  })

  it("refuses what is no port and no length", () => {
    for (const port of [-1, 65_536, 1.5, Number.NaN]) {
      expect(() => packetFilter({ rejectPorts: [port] })).toThrow(RangeError)
    }
    for (const snapBytes of [0, -1, 0.5, 300_000]) {
      expect(() => packetFilter({ rejectPorts: [], snapBytes })).toThrow(RangeError)
    }
  })

  it("ends with one of its two verdicts on any bytes", () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 120 }),
        fc.constantFrom(1, loopback, tunnel),
        (bytes, deviceType) => {
          expect([0, snap]).toContain(runFilter(filter, bytes, { deviceType }))
        },
      ),
    )
  })

  it("never takes a packet that is cut within the ports", () => {
    const packet = tcpFrame({})
    for (let length = 0; length < 14 + 20 + 4; length++) {
      expect(runFilter(filter, packet.subarray(0, length))).toBe(0)
    }
    expect(runFilter(filter, packet.subarray(0, 14 + 20 + 4))).toBe(snap)
  })
})
