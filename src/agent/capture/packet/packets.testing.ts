// Builds packets for tests: Ethernet or other link layers, VLAN tags, IPv4 and IPv6, TCP and UDP. Checksums
// stay zero.

import { IpProtocol, TcpFlag } from "./Packet.ts"

export interface TcpSpec {
  readonly from?: string
  readonly to?: string
  readonly fromPort?: number
  readonly toPort?: number
  readonly seq?: number
  readonly ack?: number
  readonly flags?: number
  readonly window?: number
  readonly identification?: number
  readonly payload?: Uint8Array
  readonly options?: Uint8Array
}

export const uint16 = (value: number): Array<number> => [(value >>> 8) & 255, value & 255]
export const uint32 = (value: number): Array<number> => [...uint16(value >>> 16), ...uint16(value)]

const v4 = (text: string): Array<number> => text.split(".").map(Number)

/** Full form only: eight groups. */
const v6 = (text: string): Array<number> =>
  text.split(":").flatMap((group) => uint16(Number.parseInt(group, 16)))

export const bytesOf = (...parts: ReadonlyArray<ArrayLike<number>>): Uint8Array => {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    all.set(part, at)
    at += part.length
  }
  return all
}

export const text = (value: string): Uint8Array => new TextEncoder().encode(value)

export const tcpSegment = (spec: TcpSpec): Uint8Array => {
  const options = spec.options ?? new Uint8Array(0)
  return bytesOf(
    uint16(spec.fromPort ?? 40_000),
    uint16(spec.toPort ?? 80),
    uint32(spec.seq ?? 1),
    uint32(spec.ack ?? 0),
    [((20 + options.length) / 4) << 4, spec.flags ?? TcpFlag.ack],
    uint16(spec.window ?? 512),
    [0, 0, 0, 0],
    options,
    spec.payload ?? [],
  )
}

export const udpDatagram = (fromPort: number, toPort: number, payload: Uint8Array): Uint8Array =>
  bytesOf(uint16(fromPort), uint16(toPort), uint16(8 + payload.length), [0, 0], payload)

export interface Ipv4Spec {
  readonly from?: string
  readonly to?: string
  readonly protocol?: number
  readonly identification?: number
  /** Flags and offset as they stand in the header. */
  readonly fragment?: number
  readonly options?: Uint8Array
  readonly totalBytes?: number
}

export const ipv4 = (spec: Ipv4Spec, payload: Uint8Array): Uint8Array => {
  const options = spec.options ?? new Uint8Array(0)
  const headerBytes = 20 + options.length
  return bytesOf(
    [0x40 | (headerBytes / 4), 0],
    uint16(spec.totalBytes ?? headerBytes + payload.length),
    uint16(spec.identification ?? 0),
    uint16(spec.fragment ?? 0x4000),
    [64, spec.protocol ?? IpProtocol.tcp, 0, 0],
    v4(spec.from ?? "10.0.0.1"),
    v4(spec.to ?? "10.0.0.2"),
    options,
    payload,
  )
}

export const ipv6 = (next: number, payload: Uint8Array, payloadBytes = payload.length): Uint8Array =>
  bytesOf(
    [0x60, 0, 0, 0],
    uint16(payloadBytes),
    [next, 64],
    v6("2001:db8:0:0:0:0:0:1"),
    v6("2001:db8:0:0:0:0:0:2"),
    payload,
  )

export const ethernet = (
  etherType: number,
  payload: Uint8Array,
  vlans: ReadonlyArray<number> = [],
): Uint8Array =>
  bytesOf(
    [2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1],
    vlans.flatMap((vlan) => [0x81, 0, ...uint16(vlan)]),
    uint16(etherType),
    payload,
  )

/** A TCP packet over IPv4 and Ethernet. */
export const tcpFrame = (spec: TcpSpec): Uint8Array =>
  ethernet(
    0x0800,
    ipv4(
      { from: spec.from ?? "10.0.0.1", to: spec.to ?? "10.0.0.2", identification: spec.identification ?? 0 },
      tcpSegment(spec),
    ),
  )

/** What stands before a packet in a tunnel; `frame` is Ethernet, `ip` begins with the IP header. */
export const vxlan = (id: number, frame: Uint8Array): Uint8Array =>
  bytesOf([8, 0, 0, 0], uint32(id << 8), frame)

/** `next`: 1 IPv4, 2 IPv6, 3 Ethernet, 4 service header. */
export const vxlanGpe = (id: number, next: number, payload: Uint8Array): Uint8Array =>
  bytesOf([0x0c, 0, 0, next], uint32(id << 8), payload)

/** A network service header with fixed metadata (24 bytes). */
export const serviceHeader = (next: number, payload: Uint8Array): Uint8Array =>
  bytesOf([0x0f, 0xc6, 1, next], new Uint8Array(20), payload)

export const geneve = (
  id: number,
  etherType: number,
  payload: Uint8Array,
  options = new Uint8Array(0),
): Uint8Array => bytesOf([options.length / 4, 0], uint16(etherType), uint32(id << 8), options, payload)

/** `words` are checksum, key and sequence number as the flags announce them. */
export const gre = (
  flags: number,
  etherType: number,
  words: ReadonlyArray<number>,
  payload: Uint8Array,
): Uint8Array => bytesOf(uint16(flags), uint16(etherType), words.flatMap(uint32), payload)
