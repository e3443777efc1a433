// Tunnel headers: which tunnels are looked into, and where the packet within one begins. Nothing is allocated for a
// header; what it said stands in the fields of `Tunnels` until the next one is read.

import { genevePorts, type TunnelName, tunnelNames, vxlanPorts } from "../../../model/tunnels.ts"
import { EtherType, serviceEtherType } from "./linkLayer.ts"
import { TunnelType } from "./Packet.ts"

export interface TunnelSettings {
  readonly names: ReadonlyArray<TunnelName>
  /** UDP ports of VXLAN, VXLAN-GPE among it. */
  readonly vxlanPorts: ReadonlyArray<number>
  readonly genevePorts: ReadonlyArray<number>
}

export const defaultTunnels: TunnelSettings = { names: tunnelNames, vxlanPorts, genevePorts }

/** No packet within a tunnel begins here. */
export const notTunnel = -1

const viaVxlan = 1
const viaGeneve = 2

const protocolIpv4 = 4
const protocolIpv6 = 41
const protocolGre = 47

const greChecksum = 0x8000
const greKey = 0x2000
const greSequence = 0x1000
/** Routing (deprecated), strict route, recursion and the version, which is 1 for PPTP. */
const greUnread = 0x4f07
const erspan12 = 0x88be
const erspan3 = 0x22eb

const uint16 = (bytes: Uint8Array, at: number): number => (bytes[at] << 8) | bytes[at + 1]
const uint24 = (bytes: Uint8Array, at: number): number => (uint16(bytes, at) << 8) | bytes[at + 2]

/** Checksum of an IPv4 header (RFC 1071): right when it comes to this. */
const isChecksumRight = (bytes: Uint8Array, at: number, headerBytes: number): boolean => {
  let sum = 0
  for (let i = 0; i < headerBytes; i += 2) sum += uint16(bytes, at + i)
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16)
  return sum === 0xffff
}

export class Tunnels {
  /** Of the header read last. */
  type: TunnelType = TunnelType.none
  id = 0
  /** EtherType of what lies within. */
  next = 0
  private readonly viaPort = new Uint8Array(65_536)
  private readonly viaProtocol = new Uint8Array(256)
  private readonly has: Readonly<Record<TunnelName, boolean>>

  constructor(settings: TunnelSettings) {
    const names = new Set(settings.names)
    this.has = {
      vxlan: names.has("vxlan"),
      geneve: names.has("geneve"),
      gre: names.has("gre"),
      teb: names.has("teb"),
      erspan: names.has("erspan"),
      ipip: names.has("ipip"),
    }
    if (this.has.geneve) for (const port of settings.genevePorts) this.viaPort[port] = viaGeneve
    if (this.has.vxlan) for (const port of settings.vxlanPorts) this.viaPort[port] = viaVxlan
    if (this.has.ipip) this.viaProtocol[protocolIpv4] = this.viaProtocol[protocolIpv6] = 1
    if (this.has.gre || this.has.teb || this.has.erspan) this.viaProtocol[protocolGre] = 1
  }

  /** Of a UDP payload `bytes[at, end)` whose packet ended at `ipEnd` on the wire: where the packet within begins. */
  behindUdp(bytes: Uint8Array, at: number, end: number, ipEnd: number, port: number): number {
    const via = this.viaPort[port]
    if (at + 8 > end) return notTunnel
    if (via === viaGeneve) return this.behindGeneve(bytes, at)
    if (via === viaVxlan) return this.behindVxlan(bytes, at)
    if (bytes[at] !== 8 || !this.has.vxlan || !isSurelyVxlan(bytes, at, end, ipEnd)) return notTunnel
    return this.behindVxlan(bytes, at)
  }

  /** Of an IP payload of this protocol: where the packet within begins. */
  behindIp(bytes: Uint8Array, at: number, end: number, protocol: number): number {
    if (this.viaProtocol[protocol] === 0) return notTunnel
    if (protocol === protocolGre) return this.behindGre(bytes, at, end)
    this.type = TunnelType.ipip
    this.id = 0
    this.next = protocol === protocolIpv4 ? EtherType.ipv4 : EtherType.ipv6
    if (at >= end || bytes[at] >> 4 !== (protocol === protocolIpv4 ? 4 : 6)) return notTunnel
    return at
  }

  /** RFC 7348, with Linux' group policy (flag 0x80), and draft-ietf-nvo3-vxlan-gpe (flag 0x04). */
  private behindVxlan(bytes: Uint8Array, at: number): number {
    const flags = bytes[at]
    if (bytes[at + 7] !== 0) return notTunnel
    if (flags === 0x0c) this.next = serviceEtherType(bytes[at + 3])
    else if (flags === 0x08 || flags === 0x88) this.next = EtherType.ethernet
    else return notTunnel
    this.type = this.next === EtherType.networkService ? TunnelType.vxlanNsh : TunnelType.vxlan
    this.id = uint24(bytes, at + 4)
    return at + 8
  }

  /** RFC 8926: version 0, length of options in words of 4 bytes; control packets (0x80) carry nothing of others. */
  private behindGeneve(bytes: Uint8Array, at: number): number {
    if (bytes[at] >> 6 !== 0 || (bytes[at + 1] & 0x80) !== 0 || bytes[at + 7] !== 0) return notTunnel
    this.type = TunnelType.geneve
    this.id = uint24(bytes, at + 4)
    this.next = uint16(bytes, at + 2)
    return at + 8 + (bytes[at] & 63) * 4
  }

  /** RFC 2784 and 2890. */
  private behindGre(bytes: Uint8Array, start: number, end: number): number {
    if (start + 4 > end) return notTunnel
    const flags = uint16(bytes, start)
    const protocol = uint16(bytes, start + 2)
    if ((flags & greUnread) !== 0) return notTunnel
    let at = start + ((flags & greChecksum) === 0 ? 4 : 8)
    this.id = 0
    if ((flags & greKey) !== 0) {
      if (at + 4 > end) return notTunnel
      this.id = uint16(bytes, at) * 65_536 + uint16(bytes, at + 2)
      at += 4
    }
    const hasSequence = (flags & greSequence) !== 0
    if (hasSequence) at += 4
    if (protocol === erspan12 || protocol === erspan3) {
      return this.has.erspan ? this.behindErspan(bytes, at, end, protocol, hasSequence) : notTunnel
    }
    const isFrame = protocol === EtherType.ethernet
    this.type = isFrame ? TunnelType.teb : TunnelType.gre
    this.next = protocol
    return (isFrame ? this.has.teb : this.has.gre) ? at : notTunnel
  }

  /** draft-foschiano-erspan: type I has no header of its own, II has 8 bytes and III 12, or 20 with a subheader. */
  private behindErspan(
    bytes: Uint8Array,
    at: number,
    end: number,
    protocol: number,
    hasSequence: boolean,
  ): number {
    this.type = TunnelType.erspan
    this.next = EtherType.ethernet
    if (protocol === erspan12 && !hasSequence) return at
    const headerBytes = protocol === erspan12 ? 8 : 12
    if (at + headerBytes > end) return notTunnel
    const version = bytes[at] >> 4
    this.id = uint16(bytes, at + 2) & 0x3ff
    if (protocol === erspan12) return version === 1 ? at + headerBytes : notTunnel
    const frameType = (bytes[at + 10] >> 2) & 31
    if (version !== 2 || (frameType !== 0 && frameType !== 2)) return notTunnel
    const hasSubheader = (bytes[at + 11] & 1) !== 0
    const innerAt = at + headerBytes + (hasSubheader ? 8 : 0)
    // An IP packet instead of a frame.
    if (frameType === 2 && innerAt < end) {
      this.next = bytes[innerAt] >> 4 === 6 ? EtherType.ipv6 : EtherType.ipv4
    }
    return innerAt
  }
}

/**
 * VXLAN on a port that nobody told of: its header as RFC 7348 has it, then a frame with IP that fills the datagram to
 * the last byte, and for IPv4 a checksum that is right.
 */
const isSurelyVxlan = (bytes: Uint8Array, at: number, end: number, ipEnd: number): boolean => {
  const ipAt = at + 22
  if (ipAt + 28 > end || uint24(bytes, at + 1) !== 0 || bytes[at + 7] !== 0) return false
  const type = uint16(bytes, at + 20)
  if (type === EtherType.ipv4) {
    const headerBytes = (bytes[ipAt] & 15) * 4
    if (bytes[ipAt] >> 4 !== 4 || headerBytes < 20 || ipAt + headerBytes > end) return false
    return uint16(bytes, ipAt + 2) === ipEnd - ipAt && isChecksumRight(bytes, ipAt, headerBytes)
  }
  if (type !== EtherType.ipv6 || bytes[ipAt] >> 4 !== 6) return false
  return uint16(bytes, ipAt + 4) === ipEnd - ipAt - 40
}
