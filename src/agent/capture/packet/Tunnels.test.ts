import { existsSync } from "node:fs"
import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import { tunnelNames } from "../../../model/tunnels.ts"
import { LinkType } from "../pcap/linkTypes.ts"
import { readPackets } from "../pcap/readPcap.ts"
import { Packet, Parsed, TunnelType } from "./Packet.ts"
import {
  bytesOf,
  ethernet,
  geneve,
  gre,
  ipv4,
  ipv6,
  serviceHeader,
  tcpSegment,
  text,
  udpDatagram,
  uint16,
  uint32,
  vxlan,
  vxlanGpe,
} from "./packets.testing.ts"
import { parsePacket } from "./parsePacket.ts"
import { defaultTunnels, Tunnels, type TunnelSettings } from "./Tunnels.ts"

const parse = (bytes: Uint8Array, settings: TunnelSettings = defaultTunnels) => {
  const packet = new Packet()
  const parsed = parsePacket(
    packet,
    bytes,
    0,
    bytes.length,
    bytes.length,
    LinkType.ethernet,
    5,
    new Tunnels(settings),
  )
  const payload = new TextDecoder().decode(packet.bytes.subarray(packet.payloadStart, packet.payloadEnd))
  return { packet, parsed, payload }
}

const segment = tcpSegment({ fromPort: 4242, toPort: 80, payload: text("hello") })
const inner = { from: "10.9.0.1", to: "10.9.0.2" }
const ip = ipv4(inner, segment)
const ip6 = ipv6(6, segment)
const frame = ethernet(0x0800, ip)
const frame6 = ethernet(0x86dd, ip6)

const outer = { from: "192.0.2.1", to: "192.0.2.2" }
const overUdp = (port: number, payload: Uint8Array): Uint8Array =>
  ethernet(0x0800, ipv4({ ...outer, protocol: 17 }, udpDatagram(50_000, port, payload)))
const overUdp6 = (port: number, payload: Uint8Array): Uint8Array =>
  ethernet(0x86dd, ipv6(17, udpDatagram(50_000, port, payload)))
const overIp = (protocol: number, payload: Uint8Array): Uint8Array =>
  ethernet(0x0800, ipv4({ ...outer, protocol }, payload))
const overIp6 = (protocol: number, payload: Uint8Array): Uint8Array =>
  ethernet(0x86dd, ipv6(protocol, payload))

/** Version and VLAN, flags and session, index; of type III also the time and the last two words. */
const erspan2 = (id: number, payload: Uint8Array) => bytesOf(uint16(0x1000), uint16(id), uint32(0), payload)
const erspan3 = (id: number, frameType: number, platform: number, payload: Uint8Array) =>
  bytesOf(
    uint16(0x2000),
    uint16(id),
    uint32(0),
    uint16(0),
    uint16((frameType << 10) | platform),
    new Uint8Array(platform * 8),
    payload,
  )
const label = (value: number, isLast: boolean) => uint32((value << 12) | (isLast ? 0x100 : 0) | 64)
const { gre: greType, ipip, teb } = TunnelType

const cases: ReadonlyArray<readonly [name: string, bytes: Uint8Array, type: number, id: number]> = [
  ["VXLAN", overUdp(4789, vxlan(0xabcdef, frame)), TunnelType.vxlan, 0xabcdef],
  ["VXLAN on Linux' old port, IPv6 within", overUdp(8472, vxlan(7, frame6)), TunnelType.vxlan, 7],
  ["VXLAN over IPv6", overUdp6(4789, vxlan(7, frame)), TunnelType.vxlan, 7],
  ["VXLAN with a VLAN within", overUdp(4789, vxlan(7, ethernet(0x0800, ip, [42]))), TunnelType.vxlan, 7],
  [
    "VXLAN with a group policy",
    overUdp(4789, bytesOf([0x88, 0, 0, 5], uint32(7 << 8), frame)),
    TunnelType.vxlan,
    7,
  ],
  ["VXLAN on an unknown port", overUdp(51_234, vxlan(7, checked(frame))), TunnelType.vxlan, 7],
  ["VXLAN on an unknown port, IPv6 within", overUdp(51_234, vxlan(7, frame6)), TunnelType.vxlan, 7],
  ["VXLAN-GPE with IPv4", overUdp(4790, vxlanGpe(9, 1, ip)), TunnelType.vxlan, 9],
  ["VXLAN-GPE with IPv6", overUdp(4790, vxlanGpe(9, 2, ip6)), TunnelType.vxlan, 9],
  ["VXLAN-GPE with Ethernet", overUdp(4790, vxlanGpe(9, 3, frame)), TunnelType.vxlan, 9],
  ["VXLAN-GPE with MPLS", overUdp(4790, vxlanGpe(9, 5, bytesOf(label(3, true), ip))), TunnelType.vxlan, 9],
  ["NSH with IPv4", overUdp(4790, vxlanGpe(9, 4, serviceHeader(1, ip))), TunnelType.vxlanNsh, 9],
  ["NSH with Ethernet", overUdp(4790, vxlanGpe(9, 4, serviceHeader(3, frame))), TunnelType.vxlanNsh, 9],
  ["Geneve", overUdp(6081, geneve(11, 0x6558, frame)), TunnelType.geneve, 11],
  [
    "Geneve with options",
    overUdp(6081, geneve(11, 0x6558, frame6, new Uint8Array(12))),
    TunnelType.geneve,
    11,
  ],
  ["Geneve with IPv4", overUdp(6081, geneve(11, 0x0800, ip)), TunnelType.geneve, 11],
  ["GRE", overIp(47, gre(0, 0x0800, [], ip)), greType, 0],
  [
    "GRE with checksum, key, sequence",
    overIp(47, gre(0xb000, 0x86dd, [1, 0xfedcba98, 3], ip6)),
    greType,
    0xfedcba98,
  ],
  ["GRE over IPv6", overIp6(47, gre(0x2000, 0x0800, [5], ip)), greType, 5],
  ["GRE with MPLS", overIp(47, gre(0, 0x8847, [], bytesOf(label(1, false), label(2, true), ip))), greType, 0],
  ["TEB", overIp(47, gre(0x2000, 0x6558, [0x2000000], frame)), teb, 0x2000000],
  ["ERSPAN I", overIp(47, gre(0, 0x88be, [], frame)), TunnelType.erspan, 0],
  ["ERSPAN II", overIp(47, gre(0x1000, 0x88be, [1], erspan2(100, frame))), TunnelType.erspan, 100],
  ["ERSPAN III", overIp(47, gre(0x1000, 0x22eb, [1], erspan3(1023, 0, 0, frame))), TunnelType.erspan, 1023],
  [
    "ERSPAN III with a subheader",
    overIp(47, gre(0x1000, 0x22eb, [1], erspan3(1, 0, 1, frame))),
    TunnelType.erspan,
    1,
  ],
  ["ERSPAN III with IP", overIp(47, gre(0x1000, 0x22eb, [1], erspan3(1, 2, 0, ip6))), TunnelType.erspan, 1],
  ["IPIP", overIp(4, ip), ipip, 0],
  ["6in4", overIp(41, ip6), ipip, 0],
  ["4in6", overIp6(4, ip), ipip, 0],
  ["6in6", overIp6(41, ip6), ipip, 0],
]

/** With the right checksum in the IPv4 header of a frame. */
function checked(bytes: Uint8Array): Uint8Array {
  const copy = Uint8Array.from(bytes)
  const view = new DataView(copy.buffer)
  let sum = 0
  for (let at = 14; at < 34; at += 2) sum += view.getUint16(at)
  view.setUint16(24, ~((sum & 0xffff) + (sum >>> 16)) & 0xffff)
  return copy
}

describe("tunnels", () => {
  it.each(cases)("%s", (_name, bytes, type, id) => {
    const { packet, parsed, payload } = parse(bytes)
    expect(parsed).toBe(Parsed.tcp)
    expect(payload).toBe("hello")
    expect(packet).toMatchObject({
      sourcePort: 4242,
      targetPort: 80,
      tunnelType: type,
      tunnelId: id,
      tunnelTier: 1,
      missing: 0,
    })
    expect(packet.outerIpVersion).toBe(bytes[14] >> 4)
    expect(packet.outerSourceAt).toBe(packet.outerIpVersion === 4 ? 26 : 22)
    expect(packet.outerTargetAt).toBe(packet.outerIpVersion === 4 ? 30 : 38)
    expect([packet.outerMacSourceAt, packet.outerMacTargetAt]).toEqual([6, 0])
    if (packet.ipVersion === 4) {
      expect([...bytes.subarray(packet.sourceAt, packet.sourceAt + 8)]).toEqual([10, 9, 0, 1, 10, 9, 0, 2])
    }
  })

  it("of the innermost frame are VLAN and hardware addresses", () => {
    const vlans = (outside: Array<number>, inside: Array<number>) => {
      const payload = udpDatagram(50_000, 4789, vxlan(7, ethernet(0x0800, ip, inside)))
      return parse(ethernet(0x0800, ipv4({ ...outer, protocol: 17 }, payload), outside)).packet
    }
    expect(vlans([5], [42]).vlan).toBe(42)
    expect(vlans([5], []).vlan).toBe(5)
    expect(vlans([], [42]).macTargetAt).toBe(14 + 20 + 8 + 8)
    expect(parse(overIp(4, ip)).packet).toMatchObject({ macSourceAt: 6, macTargetAt: 0 })
  })

  it("within each other: type, id and addresses are the outermost's", () => {
    const two = parse(overUdp(4789, vxlan(7, overIp(47, gre(0, 0x0800, [], ip)))))
    expect(two.payload).toBe("hello")
    expect(two.packet).toMatchObject({
      tunnelType: TunnelType.vxlan,
      tunnelId: 7,
      tunnelTier: 2,
      outerSourceAt: 26,
    })
    let bytes = ip
    for (let tier = 1; tier <= 6; tier++) {
      bytes = ipv4({ ...outer, protocol: 4 }, bytes)
      const { packet, parsed } = parse(ethernet(0x0800, bytes))
      expect(packet.tunnelTier).toBe(Math.min(tier, 4))
      expect(parsed).toBe(tier <= 4 ? Parsed.tcp : Parsed.otherTransport)
    }
  })

  it("are forgotten with the next packet", () => {
    const packet = new Packet()
    const add = (bytes: Uint8Array) =>
      parsePacket(packet, bytes, 0, bytes.length, bytes.length, LinkType.ethernet, 5)
    add(overUdp(4789, vxlan(7, frame)))
    add(frame)
    expect(packet).toMatchObject({
      tunnelType: 0,
      tunnelId: 0,
      tunnelTier: 0,
      outerIpVersion: 0,
      outerSourceAt: -1,
    })
  })

  const arp = ethernet(0x0806, new Uint8Array(28))
  it.each([
    ["ARP within VXLAN", overUdp(4789, vxlan(7, arp))],
    ["VXLAN without its flag", overUdp(4789, bytesOf([0, 0, 0, 0], uint32(7 << 8), frame))],
    ["VXLAN-GPE with an unknown protocol", overUdp(4790, vxlanGpe(9, 99, ip))],
    [
      "a service header of another version",
      overUdp(4790, vxlanGpe(9, 4, bytesOf([0x4f], serviceHeader(1, ip).subarray(1)))),
    ],
    ["a control packet of Geneve", overUdp(6081, bytesOf([0, 0x80], geneve(1, 0x6558, frame).subarray(2)))],
    [
      "a packet within that is malformed",
      overUdp(4789, vxlan(7, ethernet(0x0800, ipv4({ totalBytes: 10 }, segment)))),
    ],
    ["DNS on a tunnel's port", overUdp(4789, text("nothing of the kind, but long enough for a header"))],
    ["too little", overUdp(4789, text("abc"))],
    ["VXLAN on an unknown port with a wrong checksum within", overUdp(51_234, vxlan(7, frame))],
    [
      "VXLAN on an unknown port that does not fill the datagram",
      overUdp(51_234, bytesOf(vxlan(7, checked(frame)), [0])),
    ],
  ])("%s stays the outer datagram", (_name, bytes) => {
    const { packet, parsed, payload } = parse(bytes)
    expect(parsed).toBe(Parsed.udp)
    expect(packet).toMatchObject({
      sourcePort: 50_000,
      tunnelTier: 0,
      tunnelType: 0,
      outerSourceAt: -1,
      sourceAt: 26,
    })
    expect(packet).toMatchObject({ protocol: 17, ipVersion: 4, macSourceAt: 6, vlan: 0, isFragment: false })
    expect(payload.length).toBeGreaterThan(0)
  })

  it.each([
    ["GRE of PPTP", overIp(47, gre(1, 0x880b, [0], ip))],
    ["GRE with routing", overIp(47, gre(0x4000, 0x0800, [0], ip))],
    ["GRE with an unknown protocol", overIp(47, gre(0, 0x1234, [], ip))],
    [
      "ERSPAN of another version",
      overIp(47, gre(0x1000, 0x88be, [1], bytesOf(uint16(0x7000), new Uint8Array(6), frame))),
    ],
    ["IPIP with something else within", overIp(4, text("not IP at all, whatever the header says"))],
  ])("%s stays the outer packet", (_name, bytes) => {
    const { packet, parsed } = parse(bytes)
    expect(parsed).toBe(Parsed.otherTransport)
    expect(packet).toMatchObject({ tunnelTier: 0, sourceAt: 26, ipVersion: 4 })
  })

  it("the packet outside counts where one within fails deeper down", () => {
    const { packet, parsed } = parse(
      overUdp(4789, vxlan(7, overUdp(6081, geneve(1, 0x0806, new Uint8Array(28))))),
    )
    expect(parsed).toBe(Parsed.udp)
    expect(packet).toMatchObject({
      targetPort: 6081,
      tunnelTier: 1,
      tunnelType: TunnelType.vxlan,
      tunnelId: 7,
    })
  })

  it("only those that are configured", () => {
    const isRead = (bytes: Uint8Array, settings: TunnelSettings) =>
      parse(bytes, settings).packet.tunnelTier === 1
    for (const [name, bytes, type] of cases) {
      const own = { 1: "vxlan", 2: "ipip", 3: "gre", 4: "geneve", 5: "vxlan", 6: "erspan", 7: "teb" }[type]
      expect(
        isRead(bytes, { ...defaultTunnels, names: tunnelNames.filter((other) => other !== own) }),
        name,
      ).toBe(false)
      expect(
        isRead(bytes, { ...defaultTunnels, names: tunnelNames.filter((other) => other === own) }),
        name,
      ).toBe(true)
    }
    const ports = { ...defaultTunnels, vxlanPorts: [5000], genevePorts: [5001] }
    expect(isRead(overUdp(5000, vxlan(7, frame)), ports)).toBe(true)
    expect(isRead(overUdp(4789, vxlan(7, frame)), ports)).toBe(false)
    expect(isRead(overUdp(5001, geneve(7, 0x0800, ip)), ports)).toBe(true)
    expect(isRead(overUdp(6081, geneve(7, 0x0800, ip)), ports)).toBe(false)
  })
})

describe("link layers around them", () => {
  it.each([
    ["MPLS", ethernet(0x8847, bytesOf(label(16, false), label(17, true), ip))],
    ["PPPoE", ethernet(0x8864, bytesOf([0x11, 0, 0, 1], uint16(2 + ip.length), uint16(0x21), ip))],
    ["a service header", ethernet(0x894f, serviceHeader(2, ip6))],
  ])("%s", (_name, bytes) => {
    expect(parse(bytes)).toMatchObject({ parsed: Parsed.tcp, payload: "hello", packet: { tunnelTier: 0 } })
  })

  it("end somewhere", () => {
    const labels = bytesOf(...Array.from({ length: 40 }, () => label(1, false)))
    const headers = Array.from({ length: 40 }, () => serviceHeader(4, new Uint8Array(0)))
    expect(parse(ethernet(0x8847, labels)).parsed).toBe(Parsed.notIp)
    expect(parse(ethernet(0x894f, bytesOf(...headers))).parsed).toBe(Parsed.notIp)
  })
})

describe("any bytes in tunnels", () => {
  const nested = overUdp(
    4789,
    vxlan(7, overIp(47, gre(0xb000, 0x6558, [1, 2, 3], overIp(4, ipv4({ protocol: 41 }, ip6))))),
  )
  const wellFormed = [...cases.map(([, bytes]) => bytes), nested]
  const check = (bytes: Uint8Array) => {
    // Behind the packet lie bytes of others: nothing of them may be read.
    const start = 4
    const buffer = bytesOf(uint32(0xdeadbeef), bytes, new Uint8Array(64).fill(0x45))
    const packet = new Packet()
    const end = start + bytes.length
    const parsed = parsePacket(packet, buffer, start, end, bytes.length, LinkType.ethernet, 0)
    const isWithin = (at: number, length: number) => at >= start && at + length <= end
    if (packet.tunnelTier > 0) {
      const length = packet.outerIpVersion === 4 ? 4 : 16
      expect(isWithin(packet.outerSourceAt, length) && isWithin(packet.outerTargetAt, length)).toBe(true)
      expect(packet.tunnelTier).toBeLessThanOrEqual(4)
    } else expect(packet.outerSourceAt).toBe(-1)
    if (packet.macSourceAt >= 0) expect(isWithin(packet.macSourceAt, 6)).toBe(true)
    if (packet.isFragment) {
      expect(packet.fragmentAt).toBeLessThanOrEqual(packet.fragmentEnd)
      expect(packet.fragmentEnd).toBeLessThanOrEqual(end)
    }
    if (parsed !== Parsed.tcp && parsed !== Parsed.udp) return
    expect(packet.payloadStart).toBeLessThanOrEqual(packet.payloadEnd)
    expect(packet.payloadEnd).toBeLessThanOrEqual(end)
    expect(packet.missing).toBeGreaterThanOrEqual(0)
    expect(packet.missing).toBeLessThan(2 ** 20)
  }

  it("every cut", () => {
    for (const bytes of wellFormed)
      for (let length = 0; length <= bytes.length; length++) check(bytes.subarray(0, length))
  })

  it("mutated", () => {
    const changes = fc.array(fc.tuple(fc.nat(200), fc.nat(255)), { maxLength: 4 })
    fc.assert(
      fc.property(fc.constantFrom(...wellFormed), changes, (bytes, changes) => {
        const copy = Uint8Array.from(bytes)
        for (const [at, value] of changes) copy[at % copy.length] = value
        check(copy)
      }),
      { numRuns: 3000 },
    )
  })

  it("random behind a tunnel's header", () => {
    const make = fc.constantFrom(
      (random: Uint8Array) => overUdp(4789, random),
      (random: Uint8Array) => overUdp(4789, vxlan(7, random)),
      (random: Uint8Array) => overUdp(6081, random),
      (random: Uint8Array) => overIp(47, random),
      (random: Uint8Array) => overIp(41, random),
    )
    fc.assert(
      fc.property(make, fc.uint8Array({ maxLength: 120 }), (make, random) => check(make(random))),
      { numRuns: 3000 },
    )
  })
})

const directory = "../shared/conformance/tunnel"
const isPresent = existsSync(directory)
if (!isPresent) console.warn(`SKIPPED: ${directory} is not there`)

describe.skipIf(!isPresent)("conformance: tunnels", () => {
  it.each([
    ["ff-vxlan.pcap", TunnelType.vxlan, 1],
    ["ip6-vxlan.pcap", TunnelType.vxlan, 27],
    ["ipip.pcap", TunnelType.ipip, 0],
    ["vmware-gre-teb.pcap", TunnelType.teb, 0x2000000],
  ])("%s", async (file, type, id) => {
    const packet = new Packet()
    const found: Array<readonly [number, number]> = []
    let packets = 0
    await readPackets(`${directory}/${file}`, ({ bytes, end, linkType, originalLength, start, timeUs }) => {
      packets++
      parsePacket(packet, bytes, start, end, originalLength, linkType, timeUs)
      if (packet.tunnelTier === 1) found.push([packet.tunnelType, packet.tunnelId])
    })
    expect(found[0]).toEqual([type, id])
    expect(found.every(([other]) => other === type)).toBe(true)
    expect(packets).toBeGreaterThan(0)
  })
})
