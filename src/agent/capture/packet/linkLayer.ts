// Link layers: finds where the IP header begins, behind VLAN tags, PPPoE, MPLS labels and service headers. Returns its
// offset, or a negative number when there is none or the capture ends before it; `packet.vlan`, `packet.isOutgoing` and
// the hardware addresses say what was learnt on the way.

import { LinkType } from "../pcap/linkTypes.ts"
import type { Packet } from "./Packet.ts"

/** The capture ends within the link layer's header. */
export const linkCut = -1
/** What follows is not IP. */
export const linkNotIp = -2

export const EtherType = {
  ipv4: 0x0800,
  /** A whole Ethernet frame follows. */
  ethernet: 0x6558,
  vlan: 0x8100,
  ipv6: 0x86dd,
  mpls: 0x8847,
  mplsUpstream: 0x8848,
  pppoeSession: 0x8864,
  serviceVlan: 0x88a8,
  networkService: 0x894f,
  oldVlan: 0x9100,
  olderVlan: 0x9200,
} as const

/** Tags and headers before IP; a frame within the rules has fewer. */
const maxLayers = 8
const maxLabels = 16
/** Linux cooked: the packet was sent by this host. */
const sllOutgoing = 4

const uint16 = (bytes: Uint8Array, at: number): number => (bytes[at] << 8) | bytes[at + 1]

/** Next protocols of a network service header and of VXLAN-GPE; they are the same. */
export const serviceEtherType = (next: number): number => {
  switch (next) {
    case 1:
      return EtherType.ipv4
    case 2:
      return EtherType.ipv6
    case 3:
      return EtherType.ethernet
    case 4:
      return EtherType.networkService
    case 5:
      return EtherType.mpls
    default:
      return 0
  }
}

/** Behind the last label of a stack, whose end is marked (RFC 3032); what follows has no type, only a version. */
const behindLabels = (bytes: Uint8Array, start: number, end: number): number => {
  let at = start
  for (let labels = 0; labels < maxLabels; labels++, at += 4) {
    if (at + 5 > end) return linkCut
    if ((bytes[at + 2] & 1) === 0) continue
    const version = bytes[at + 4] >> 4
    return version === 4 || version === 6 ? at + 4 : linkNotIp
  }
  return linkNotIp
}

/** PPP within PPPoE (RFC 2516): version and type 1, code 0, session, length, then the protocol. */
const behindPppoe = (bytes: Uint8Array, at: number, end: number): number => {
  if (at + 8 > end) return linkCut
  const protocol = uint16(bytes, at + 6)
  const isData = bytes[at] === 0x11 && bytes[at + 1] === 0 && (protocol === 0x21 || protocol === 0x57)
  return isData ? at + 8 : linkNotIp
}

/** Where IP begins within `bytes[at, end)`, which is of the type `first`. */
export const ipBehind = (
  packet: Packet,
  bytes: Uint8Array,
  first: number,
  start: number,
  end: number,
): number => {
  let type = first
  let at = start
  for (let layers = 0; layers <= maxLayers; layers++) {
    if (type === EtherType.ipv4 || type === EtherType.ipv6) return at
    switch (type) {
      case EtherType.vlan:
      case EtherType.serviceVlan:
      case EtherType.oldVlan:
      case EtherType.olderVlan:
        if (at + 4 > end) return linkCut
        if (packet.vlan === 0) packet.vlan = uint16(bytes, at) & 0xfff
        type = uint16(bytes, at + 2)
        at += 4
        break
      case EtherType.ethernet:
        if (at + 14 > end) return linkCut
        packet.macTargetAt = at
        packet.macSourceAt = at + 6
        type = uint16(bytes, at + 12)
        at += 14
        break
      case EtherType.mpls:
      case EtherType.mplsUpstream:
        return behindLabels(bytes, at, end)
      case EtherType.pppoeSession:
        return behindPppoe(bytes, at, end)
      case EtherType.networkService: {
        if (at + 8 > end) return linkCut
        // RFC 8300: version 0; the length counts words of 4 bytes, the first two of which are always there.
        const headerBytes = (bytes[at + 1] & 63) * 4
        if (bytes[at] >> 6 !== 0 || headerBytes < 8) return linkNotIp
        type = serviceEtherType(bytes[at + 3])
        at += headerBytes
        break
      }
      default:
        return linkNotIp
    }
  }
  return linkNotIp
}

/**
 * 32-bit address families in either byte order: 2 is IPv4 everywhere, IPv6 has one number for each system.
 */
const afterFamily = (bytes: Uint8Array, start: number, end: number): number => {
  if (start + 4 > end) return linkCut
  const family = bytes[start] + bytes[start + 1] + bytes[start + 2] + bytes[start + 3]
  const isFamily = bytes[start] === family || bytes[start + 3] === family
  const isIp = family === 2 || family === 10 || family === 24 || family === 28 || family === 30
  return isFamily && isIp ? start + 4 : linkNotIp
}

export const ipOffset = (
  packet: Packet,
  bytes: Uint8Array,
  start: number,
  end: number,
  linkType: number,
): number => {
  packet.vlan = 0
  packet.isOutgoing = false
  packet.macSourceAt = packet.macTargetAt = -1
  switch (linkType) {
    case LinkType.ethernet: {
      if (start + 14 > end) return linkCut
      packet.macTargetAt = start
      packet.macSourceAt = start + 6
      const type = uint16(bytes, start + 12)
      if (type === EtherType.ipv4) return start + 14
      return ipBehind(packet, bytes, type, start + 14, end)
    }
    case LinkType.linuxSll:
      if (start + 16 > end) return linkCut
      packet.isOutgoing = uint16(bytes, start) === sllOutgoing
      if (uint16(bytes, start + 4) === 6) packet.macSourceAt = start + 6
      return ipBehind(packet, bytes, uint16(bytes, start + 14), start + 16, end)
    case LinkType.linuxSll2:
      if (start + 20 > end) return linkCut
      packet.isOutgoing = bytes[start + 10] === sllOutgoing
      if (bytes[start + 11] === 6) packet.macSourceAt = start + 12
      return ipBehind(packet, bytes, uint16(bytes, start), start + 20, end)
    case LinkType.null:
    case LinkType.loop:
      return afterFamily(bytes, start, end)
    case LinkType.raw:
    case LinkType.rawBsd:
    case LinkType.rawOpenBsd:
    case LinkType.ipv4:
    case LinkType.ipv6:
      return start
    default:
      return linkNotIp
  }
}
