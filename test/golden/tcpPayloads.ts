// The TCP payloads of a conformance capture: a reader just large enough for those files (classic pcap, Ethernet, IPv4).

import { readFileSync } from "node:fs"

export interface TcpPayload {
  readonly timeUs: number
  readonly sourceIp: Uint8Array
  readonly sourcePort: number
  readonly targetIp: Uint8Array
  readonly targetPort: number
  readonly tcpSeq: number
  readonly payload: Uint8Array
}

const mapped = (bytes: Buffer, at: number): Uint8Array => {
  const ip = new Uint8Array(16)
  ip[10] = ip[11] = 0xff
  ip.set(bytes.subarray(at, at + 4), 12)
  return ip
}

export const readTcpPayloads = (path: string): ReadonlyArray<TcpPayload> => {
  const file = readFileSync(path)
  if (file.readUInt32LE(0) !== 0xa1b2c3d4 || file.readUInt32LE(20) !== 1) {
    throw new Error(`${path}: expected a little-endian microsecond Ethernet pcap`)
  }
  const payloads: Array<TcpPayload> = []
  for (let at = 24; at + 16 <= file.length;) {
    const timeUs = file.readUInt32LE(at) * 1_000_000 + file.readUInt32LE(at + 4)
    const captured = file.readUInt32LE(at + 8)
    const packet = file.subarray(at + 16, at + 16 + captured)
    at += 16 + captured
    if (packet.length < 54 || packet.readUInt16BE(12) !== 0x0800 || packet[23] !== 6) continue
    const tcpAt = 14 + (packet[14] & 15) * 4
    const payloadAt = tcpAt + (packet[tcpAt + 12] >> 4) * 4
    const end = 14 + packet.readUInt16BE(16)
    if (payloadAt >= end) continue
    payloads.push({
      timeUs,
      sourceIp: mapped(packet, 26),
      sourcePort: packet.readUInt16BE(tcpAt),
      targetIp: mapped(packet, 30),
      targetPort: packet.readUInt16BE(tcpAt + 2),
      tcpSeq: packet.readUInt32BE(tcpAt + 4),
      payload: packet.subarray(payloadAt, Math.min(end, packet.length)),
    })
  }
  return payloads
}
