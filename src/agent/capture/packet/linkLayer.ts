// Link layers: finds where the IP header begins. Returns its offset, or -1 when there is none or the capture
// ends before it; `packet.ipVersion` is then 0 and `packet.vlan` and `packet.isOutgoing` say what was learnt
// on the way.

import { LinkType } from "../pcap/linkTypes.ts"
import type { Packet } from "./Packet.ts"

/** The capture ends within the link layer's header. */
export const linkCut = -1
/** What follows is not IP. */
export const linkNotIp = -2

const etherIpv4 = 0x0800
const etherIpv6 = 0x86dd
const maxVlanTags = 4
/** Linux cooked: the packet was sent by this host. */
const sllOutgoing = 4

const isVlan = (etherType: number): boolean =>
  etherType === 0x8100 || etherType === 0x88a8 || etherType === 0x9100 || etherType === 0x9200

const uint16 = (bytes: Uint8Array, at: number): number => (bytes[at] << 8) | bytes[at + 1]

/** What follows an EtherType at `at`, which may begin a stack of VLAN tags. */
const afterEtherType = (packet: Packet, bytes: Uint8Array, at: number, end: number): number => {
  if (at + 2 > end) return linkCut
  let typeAt = at
  let etherType = uint16(bytes, typeAt)
  for (let tags = 0; tags < maxVlanTags && isVlan(etherType); tags++) {
    if (typeAt + 6 > end) return linkCut
    if (packet.vlan === 0) packet.vlan = uint16(bytes, typeAt + 2) & 0xfff
    typeAt += 4
    etherType = uint16(bytes, typeAt)
  }
  return etherType === etherIpv4 || etherType === etherIpv6 ? typeAt + 2 : linkNotIp
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
  switch (linkType) {
    case LinkType.ethernet:
      return afterEtherType(packet, bytes, start + 12, end)
    case LinkType.linuxSll: {
      if (start + 16 > end) return linkCut
      packet.isOutgoing = uint16(bytes, start) === sllOutgoing
      return afterEtherType(packet, bytes, start + 14, end)
    }
    case LinkType.linuxSll2: {
      if (start + 20 > end) return linkCut
      packet.isOutgoing = bytes[start + 10] === sllOutgoing
      // The type stands first here; a VLAN tag follows the header.
      const etherType = uint16(bytes, start)
      if (!isVlan(etherType)) {
        return etherType === etherIpv4 || etherType === etherIpv6 ? start + 20 : linkNotIp
      }
      if (start + 24 > end) return linkCut
      packet.vlan = uint16(bytes, start + 20) & 0xfff
      return afterEtherType(packet, bytes, start + 22, end)
    }
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
