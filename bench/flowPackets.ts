// Packets for bench/flowTable.ts: a capture file of HTTP connections and DNS, many at once, a tenth over IPv6 and a tenth in a VLAN,
// with retransmissions and packets out of order. Payload may be cut off, as `tcpdump -s 96` does.

import { closeSync, openSync, writeSync } from "node:fs"
import { TcpFlag } from "../src/agent/capture/packet/Packet.ts"
import {
  ethernet,
  ipv4,
  ipv6,
  tcpSegment,
  type TcpSpec,
  udpDatagram,
} from "../src/agent/capture/packet/packets.testing.ts"

const atOnce = 4_096
const exchanges = 3
const chunkBytes = 1 << 20
const segmentBytes = 500
const asBytes = (text: string, length: number): Uint8Array => Buffer.from(text.padEnd(length, "x"))
const request = asBytes(
  "GET /orders/17?page=2 HTTP/1.1\r\nHost: shop.example.com\r\nUser-Agent: bench/1.0\r\nAccept: application/json\r\n" +
    "traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r\n\r\n",
  0,
)
const responseHead = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: "
const bodyBytes = 2 * segmentBytes - responseHead.length - "000\r\n\r\n".length
const response = asBytes(`${responseHead}${bodyBytes}\r\n\r\n`, 2 * segmentBytes)
const query = new Uint8Array(40).fill(67)

/** `waves` of connections, one after the other; `snapBytes` of each packet. Returns the number of packets that were written. */
export const writeFlowPackets = (path: string, waves: number, snapBytes: number): number => {
  const fd = openSync(path, "w")
  const chunk = Buffer.alloc(chunkBytes)
  let at = 24
  chunk.writeUInt32LE(0xa1b2c3d4, 0)
  chunk.writeUInt16LE(2, 4)
  chunk.writeUInt16LE(4, 6)
  chunk.writeUInt32LE(snapBytes, 16)
  chunk.writeUInt32LE(1, 20)
  let packets = 0
  let timeUs = 1_700_000_030_000_000
  let identification = 0

  const write = (frame: Uint8Array): void => {
    timeUs += 20
    packets++
    const captured = Math.min(frame.length, snapBytes)
    if (at + 16 + captured > chunkBytes) {
      writeSync(fd, chunk, 0, at)
      at = 0
    }
    chunk.writeUInt32LE(Math.floor(timeUs / 1e6), at)
    chunk.writeUInt32LE(timeUs % 1e6, at + 4)
    chunk.writeUInt32LE(captured, at + 8)
    chunk.writeUInt32LE(frame.length, at + 12)
    chunk.set(frame.subarray(0, captured), at + 16)
    at += 16 + captured
  }
  /** From the client or back; connection `c` of a wave. */
  const send = (c: number, isClient: boolean, transport: number, segment: Uint8Array): void => {
    const client = [10, 1, (c >> 8) & 3, c & 255]
    const server = [10, 200, 0, c % 16]
    identification = (identification % 65_535) + 1
    const [from, to] = isClient ? [client, server] : [server, client]
    const packet =
      c % 10 === 3
        ? ipv6(transport, segment)
        : ipv4({ from: from.join("."), to: to.join("."), identification, protocol: transport }, segment)
    if (c % 10 === 3) {
      packet.set(from, 20)
      packet.set(to, 36)
    }
    write(ethernet(c % 10 === 3 ? 0x86dd : 0x0800, packet, c % 10 === 7 ? [12] : []))
  }

  for (let wave = 0; wave < waves; wave++) {
    const each = (run: (c: number) => void): void => {
      for (let c = 0; c < atOnce; c++) run(c)
    }
    const clientPort = (c: number): number => 16_000 + wave * atOnce + c
    const isDns = (c: number): boolean => c % 8 === 5
    const tcp = (c: number, isClient: boolean, spec: TcpSpec): void => {
      const ports = { fromPort: clientPort(c), toPort: 8_080 }
      const ends = isClient ? ports : { fromPort: 8_080, toPort: clientPort(c) }
      send(c, isClient, 6, tcpSegment({ ...ends, ...spec }))
    }
    const step = (run: (c: number) => void): void => each((c) => !isDns(c) && run(c))
    each((c) => {
      if (!isDns(c)) return
      send(c, true, 17, udpDatagram(clientPort(c), 53, query))
      send(c, false, 17, udpDatagram(53, clientPort(c), query))
    })
    step((c) => tcp(c, true, { seq: 99, flags: TcpFlag.syn }))
    step((c) => tcp(c, false, { seq: 199, ack: 100, flags: TcpFlag.syn | TcpFlag.ack }))
    step((c) => tcp(c, true, { seq: 100, ack: 200 }))
    const push = TcpFlag.psh | TcpFlag.ack
    for (let i = 0; i < exchanges; i++) {
      const seq = 100 + i * request.length
      const ack = 200 + i * response.length
      step((c) => tcp(c, true, { seq, ack, payload: request, flags: push }))
      step((c) => (c + i) % 16 === 0 && tcp(c, true, { seq, ack, payload: request, flags: push }))
      step((c) => tcp(c, false, { seq: ack, ack: seq + request.length }))
      const first = { seq: ack, ack: seq + request.length, payload: response.subarray(0, segmentBytes) }
      const second = {
        ...first,
        seq: ack + segmentBytes,
        payload: response.subarray(segmentBytes),
        flags: push,
      }
      const isSwapped = (c: number): boolean => (c + i) % 16 === 1
      step((c) => tcp(c, false, isSwapped(c) ? second : first))
      step((c) => tcp(c, false, isSwapped(c) ? first : second))
      step((c) => tcp(c, true, { seq: seq + request.length, ack: ack + response.length }))
    }
    const end = 100 + exchanges * request.length
    const serverEnd = 200 + exchanges * response.length
    const fin = TcpFlag.fin | TcpFlag.ack
    step((c) => tcp(c, true, { seq: end, ack: serverEnd, flags: fin }))
    step((c) => tcp(c, false, { seq: serverEnd, ack: end + 1, flags: fin }))
    step((c) => tcp(c, true, { seq: end + 1, ack: serverEnd + 1 }))
  }
  writeSync(fd, chunk, 0, at)
  closeSync(fd)
  return packets
}
