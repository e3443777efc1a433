// From the link to TCP: reads the headers of one packet, and of the packets within it, into a reusable record. Lengths
// come from the IP header and are never believed beyond the captured bytes. Any bytes are safe; what cannot be read is a
// result code.

import { ipBehind, ipOffset, linkCut } from "./linkLayer.ts"
import { IpProtocol, type Packet, Parsed, TunnelType } from "./Packet.ts"
import { defaultTunnels, notTunnel, Tunnels } from "./Tunnels.ts"

const uint16 = (bytes: Uint8Array, at: number): number => (bytes[at] << 8) | bytes[at + 1]

const int32 = (bytes: Uint8Array, at: number): number =>
  (bytes[at] << 24) | (bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3]

/** IPv6 extension headers (RFC 8200, 4302, 6275, 7401, 5533). */
const extHopByHop = 0
const extRouting = 43
const extFragment = 44
const extAuthentication = 51
const extDestination = 60
const extMobility = 135
const extHostIdentity = 139
const extShim6 = 140
/** A packet within the rules has at most one of each, destination options twice. */
const maxExtensions = 10
/** Tunnels within each other that are looked into. */
const maxTier = 4
/** Above the largest packet that segmentation offload makes (512 KiB); a file may claim anything. */
const maxWireBytes = 1024 * 1024

const allTunnels = new Tunnels(defaultTunnels)

/**
 * Parses `bytes[start, end)` of a packet that had `wireBytes` on the wire. `packet` is valid as far as the
 * result says, and as long as the bytes are.
 */
export const parsePacket = (
  packet: Packet,
  bytes: Uint8Array,
  start: number,
  end: number,
  wireBytes: number,
  linkType: number,
  timeUs: number,
  tunnels: Tunnels = allTunnels,
): Parsed => {
  packet.bytes = bytes
  packet.timeUs = timeUs
  packet.wireBytes = Math.min(wireBytes, maxWireBytes)
  packet.packets = 1
  packet.ipVersion = 0
  packet.sourcePort = 0
  packet.targetPort = 0
  packet.isFragment = false
  if (packet.tunnelTier !== 0) clearTunnel(packet)
  const at = ipOffset(packet, bytes, start, end, linkType)
  if (at < 0) return at === linkCut ? Parsed.cutHeaders : Parsed.notIp
  return parseIp(packet, bytes, at, end, start + packet.wireBytes, tunnels)
}

/** Goes on where IP begins: of a packet whose link layer and tunnels are in the record already. */
export const parseIp = (
  packet: Packet,
  bytes: Uint8Array,
  at: number,
  end: number,
  wireEnd: number,
  tunnels: Tunnels,
): Parsed => {
  if (at >= end) return Parsed.cutHeaders
  const version = bytes[at] >> 4
  if (version === 4) return parseIpv4(packet, bytes, at, end, wireEnd, tunnels)
  if (version === 6) return parseIpv6(packet, bytes, at, end, wireEnd, tunnels)
  return Parsed.notIp
}

const clearTunnel = (packet: Packet): void => {
  packet.tunnelType = TunnelType.none
  packet.tunnelTier = packet.tunnelId = packet.outerIpVersion = 0
  packet.outerSourceAt = packet.outerTargetAt = packet.outerMacSourceAt = packet.outerMacTargetAt = -1
}

const parseIpv4 = (
  packet: Packet,
  bytes: Uint8Array,
  at: number,
  end: number,
  wireEnd: number,
  tunnels: Tunnels,
): Parsed => {
  if (at + 20 > end) return Parsed.cutHeaders
  const headerBytes = (bytes[at] & 15) * 4
  const totalBytes = uint16(bytes, at + 2)
  if (headerBytes < 20) return Parsed.malformed
  // Segmentation offload leaves 0 on packets above 64 KiB: the frame's length is all there is.
  const ipEnd = totalBytes === 0 ? Math.max(wireEnd, at + headerBytes) : at + totalBytes
  if (ipEnd < at + headerBytes) return Parsed.malformed
  packet.ipVersion = 4
  packet.ipAt = at
  packet.identification = uint16(bytes, at + 4)
  packet.hopLimit = bytes[at + 8]
  packet.protocol = bytes[at + 9]
  packet.sourceAt = at + 12
  packet.targetAt = at + 16
  const fragment = uint16(bytes, at + 6) & 0x3fff
  if (fragment !== 0) {
    setFragment(packet, at + headerBytes, end, ipEnd, (fragment & 0x1fff) * 8, (fragment & 0x2000) !== 0)
    packet.fragmentId = packet.identification
    if (packet.fragmentOffset !== 0) return Parsed.laterFragment
  }
  return parseTransport(packet, bytes, at + headerBytes, end, ipEnd, tunnels)
}

const setFragment = (
  packet: Packet,
  at: number,
  end: number,
  ipEnd: number,
  offset: number,
  hasMore: boolean,
): void => {
  packet.isFragment = true
  packet.fragmentAt = Math.min(at, end)
  packet.fragmentEnd = Math.max(packet.fragmentAt, Math.min(end, ipEnd))
  packet.fragmentBytes = ipEnd - at
  packet.fragmentOffset = offset
  packet.hasMoreFragments = hasMore
}

const parseIpv6 = (
  packet: Packet,
  bytes: Uint8Array,
  at: number,
  end: number,
  wireEnd: number,
  tunnels: Tunnels,
): Parsed => {
  if (at + 40 > end) return Parsed.cutHeaders
  const payloadBytes = uint16(bytes, at + 4)
  // 0 is a jumbogram (RFC 2675) or left by segmentation offload.
  const ipEnd = payloadBytes === 0 ? Math.max(wireEnd, at + 40) : at + 40 + payloadBytes
  packet.ipVersion = 6
  packet.ipAt = at
  packet.identification = 0
  packet.hopLimit = bytes[at + 7]
  packet.sourceAt = at + 8
  packet.targetAt = at + 24
  let next = bytes[at + 6]
  let nextAt = at + 40
  for (let count = 0; count <= maxExtensions; count++) {
    let length: number
    if (
      next === extHopByHop ||
      next === extRouting ||
      next === extDestination ||
      next === extMobility ||
      next === extHostIdentity ||
      next === extShim6 ||
      next === extFragment ||
      next === extAuthentication
    ) {
      if (nextAt + 8 > ipEnd) return Parsed.malformed
      if (nextAt + 8 > end) return Parsed.cutHeaders
      if (next === extFragment) {
        length = 8
        const fragment = uint16(bytes, nextAt + 2) & 0xfff9
        // Neither an offset nor more to come: a whole packet in a fragment's clothes (RFC 6946).
        if (fragment !== 0) {
          if (packet.isFragment) return Parsed.malformed
          packet.protocol = bytes[nextAt]
          setFragment(packet, nextAt + 8, end, ipEnd, fragment & 0xfff8, (fragment & 1) !== 0)
          packet.fragmentId = int32(bytes, nextAt + 4)
          if (packet.fragmentOffset !== 0) return Parsed.laterFragment
        }
      } else length = next === extAuthentication ? (bytes[nextAt + 1] + 2) * 4 : (bytes[nextAt + 1] + 1) * 8
      next = bytes[nextAt]
      nextAt += length
      continue
    }
    packet.protocol = next
    return parseTransport(packet, bytes, nextAt, end, ipEnd, tunnels)
  }
  return Parsed.malformed
}

/**
 * The packet that begins at `at` within the payload of an IP packet, after a tunnel's header that `tunnels` just read.
 * Undefined when there is none that can be read: then the packet around it is all there is, and the record is as before.
 */
const parseInner = (
  packet: Packet,
  bytes: Uint8Array,
  at: number,
  end: number,
  ipEnd: number,
  tunnels: Tunnels,
): Parsed | undefined => {
  const { hopLimit, identification, ipAt, ipVersion, protocol, sourceAt, targetAt, vlan } = packet
  const { macSourceAt, macTargetAt, tunnelTier } = packet
  const { id, type } = tunnels
  const innerEnd = Math.min(end, ipEnd)
  packet.vlan = 0
  const innerAt = ipBehind(packet, bytes, tunnels.next, at, innerEnd)
  if (packet.vlan === 0) packet.vlan = vlan
  if (innerAt >= 0) {
    packet.tunnelTier = tunnelTier + 1
    if (tunnelTier === 0) {
      packet.tunnelType = type
      packet.tunnelId = id
      packet.outerIpVersion = ipVersion
      packet.outerSourceAt = sourceAt
      packet.outerTargetAt = targetAt
      packet.outerMacSourceAt = macSourceAt
      packet.outerMacTargetAt = macTargetAt
    }
    const parsed = parseIp(packet, bytes, innerAt, innerEnd, ipEnd, tunnels)
    if (parsed !== Parsed.notIp && parsed !== Parsed.malformed && parsed !== Parsed.cutHeaders) return parsed
  }
  packet.hopLimit = hopLimit
  packet.identification = identification
  packet.ipAt = ipAt
  packet.ipVersion = ipVersion
  packet.protocol = protocol
  packet.sourceAt = sourceAt
  packet.targetAt = targetAt
  packet.vlan = vlan
  packet.macSourceAt = macSourceAt
  packet.macTargetAt = macTargetAt
  packet.isFragment = false
  packet.tunnelTier = tunnelTier
  if (tunnelTier === 0) clearTunnel(packet)
  return undefined
}

/** `at` may lie beyond both ends: nothing was checked of it yet. */
const parseTransport = (
  packet: Packet,
  bytes: Uint8Array,
  at: number,
  end: number,
  ipEnd: number,
  tunnels: Tunnels,
): Parsed => {
  switch (packet.protocol) {
    case IpProtocol.tcp:
      return parseTcp(packet, bytes, at, end, ipEnd)
    case IpProtocol.udp:
      return parseUdp(packet, bytes, at, end, ipEnd, tunnels)
    default:
      return parseOther(packet, bytes, at, end, ipEnd, tunnels)
  }
}

const parseTcp = (packet: Packet, bytes: Uint8Array, at: number, end: number, ipEnd: number): Parsed => {
  if (at + 20 > ipEnd) return Parsed.malformed
  if (at + 20 > end) return Parsed.cutHeaders
  const headerBytes = (bytes[at + 12] >> 4) * 4
  if (headerBytes < 20 || at + headerBytes > ipEnd) return Parsed.malformed
  packet.sourcePort = uint16(bytes, at)
  packet.targetPort = uint16(bytes, at + 2)
  packet.seq = int32(bytes, at + 4)
  packet.ack = int32(bytes, at + 8)
  packet.flags = bytes[at + 13]
  packet.window = uint16(bytes, at + 14)
  packet.optionsStart = at + 20
  packet.optionsEnd = Math.min(at + headerBytes, end)
  setPayload(packet, at + headerBytes, end, ipEnd)
  return Parsed.tcp
}

const parseUdp = (
  packet: Packet,
  bytes: Uint8Array,
  at: number,
  end: number,
  ipEnd: number,
  tunnels: Tunnels,
): Parsed => {
  if (at + 8 > ipEnd) return Parsed.malformed
  if (at + 8 > end) return Parsed.cutHeaders
  const targetPort = uint16(bytes, at + 2)
  // What a tunnel holds is looked for when its datagram is whole.
  if (!packet.isFragment && packet.tunnelTier < maxTier) {
    const innerAt = tunnels.behindUdp(bytes, at + 8, Math.min(end, ipEnd), ipEnd, targetPort)
    if (innerAt !== notTunnel) {
      const parsed = parseInner(packet, bytes, innerAt, end, ipEnd, tunnels)
      if (parsed !== undefined) return parsed
    }
  }
  packet.sourcePort = uint16(bytes, at)
  packet.targetPort = targetPort
  packet.seq = 0
  packet.ack = 0
  packet.flags = 0
  packet.window = 0
  const datagramBytes = uint16(bytes, at + 4)
  // The datagram may be longer than this first fragment, or shorter than a padded packet.
  setPayload(packet, at + 8, Math.min(end, ipEnd), datagramBytes < 8 ? ipEnd : at + datagramBytes)
  return Parsed.udp
}

const parseOther = (
  packet: Packet,
  bytes: Uint8Array,
  at: number,
  end: number,
  ipEnd: number,
  tunnels: Tunnels,
): Parsed => {
  if (isEcho(packet, bytes, at, end, ipEnd)) {
    packet.sourcePort = packet.targetPort = uint16(bytes, at + 4)
    packet.seq = uint16(bytes, at + 6)
    packet.ack = 0
    packet.flags = 0
    packet.window = 0
    setPayload(packet, at, end, ipEnd)
    return Parsed.icmpEcho
  }
  if (!packet.isFragment && packet.tunnelTier < maxTier) {
    const innerAt = tunnels.behindIp(bytes, at, Math.min(end, ipEnd), packet.protocol)
    if (innerAt !== notTunnel) {
      return parseInner(packet, bytes, innerAt, end, ipEnd, tunnels) ?? Parsed.otherTransport
    }
  }
  return Parsed.otherTransport
}

/** Type 8 or 0 of ICMP (RFC 792), 128 or 129 of ICMPv6 (RFC 4443); the code is 0. */
const isEcho = (packet: Packet, bytes: Uint8Array, at: number, end: number, ipEnd: number): boolean => {
  const { ipVersion, protocol } = packet
  if (protocol !== (ipVersion === 4 ? IpProtocol.icmp : IpProtocol.icmpV6)) return false
  if (at + 8 > end || at + 8 > ipEnd || bytes[at + 1] !== 0) return false
  const type = bytes[at]
  return protocol === IpProtocol.icmp ? type === 8 || type === 0 : type === 128 || type === 129
}

const setPayload = (packet: Packet, at: number, end: number, payloadEnd: number): void => {
  const captured = Math.min(end, payloadEnd)
  packet.payloadStart = Math.min(at, captured)
  packet.payloadEnd = captured
  packet.missing = payloadEnd - Math.max(captured, at)
}
