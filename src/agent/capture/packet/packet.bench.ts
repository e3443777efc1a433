// CPU per packet from pcap bytes to ordered streams and flow counters, against a flow map as one would write
// it first: an object per packet, a Map keyed by a string, counters and streams by direction. Bar: at least 5
// times faster. Then the headers alone, plain and in a tunnel. Run: node src/agent/capture/packet/packet.bench.ts

import { Buffer } from "node:buffer"
import { PacketFlows } from "../../flow/tcp/PacketFlows.ts"
import { measure } from "../../protocol/measure.testing.ts"
import { pcapFile, type TestPacket } from "../pcap/captureFiles.testing.ts"
import { CaptureDecoder } from "../pcap/CaptureDecoder.ts"
import { Packet, Parsed, TcpFlag } from "./Packet.ts"
import { bytesOf, ethernet, ipv4, tcpFrame, type TcpSpec, udpDatagram, vxlan } from "./packets.testing.ts"
import { parsePacket } from "./parsePacket.ts"

const connections = 2_000
const exchanges = 8
const request = new Uint8Array(220).fill(65)
const response = new Uint8Array(500).fill(66)

/**
 * Interleaved keep-alive connections: handshake, exchanges with a retransmission and a swapped pair in 16,
 * both FINs.
 */
const makePackets = (): Array<TestPacket> => {
  const packets: Array<TestPacket> = []
  let timeUs = 1_700_000_000_000_000
  let identification = 0
  const send = (connection: number, isClient: boolean, spec: TcpSpec) => {
    timeUs += 10
    identification = (identification % 65_535) + 1
    const client = `10.1.${connection >> 8}.${connection & 255}`
    const server = `10.2.0.${connection % 16}`
    const clientPort = 32_768 + connection
    const ends = isClient
      ? { from: client, to: server, fromPort: clientPort, toPort: 8080 }
      : { from: server, to: client, fromPort: 8080, toPort: clientPort }
    packets.push({ bytes: tcpFrame({ ...ends, identification, ...spec }), timeUs })
  }
  const each = (run: (connection: number) => void) => {
    for (let connection = 0; connection < connections; connection++) run(connection)
  }
  each((c) => send(c, true, { seq: 99, flags: TcpFlag.syn }))
  each((c) => send(c, false, { seq: 199, ack: 100, flags: TcpFlag.syn | TcpFlag.ack }))
  each((c) => send(c, true, { seq: 100, ack: 200 }))
  for (let i = 0; i < exchanges; i++) {
    const seq = 100 + i * request.length
    const ack = 200 + i * 2 * response.length
    each((c) => {
      send(c, true, { seq, ack, payload: request })
      if ((c + i) % 16 === 0) send(c, true, { seq, ack, payload: request })
    })
    const isSwapped = (c: number) => (c + i) % 16 === 1
    const first = { seq: ack, ack: seq + request.length, payload: response }
    const second = { ...first, seq: ack + response.length }
    each((c) => send(c, false, isSwapped(c) ? second : first))
    each((c) => send(c, false, isSwapped(c) ? first : second))
    each((c) => send(c, true, { seq: seq + request.length, ack: ack + 2 * response.length }))
  }
  const end = 100 + exchanges * request.length
  const serverEnd = 200 + exchanges * 2 * response.length
  each((c) => send(c, true, { seq: end, ack: serverEnd, flags: TcpFlag.fin | TcpFlag.ack }))
  each((c) => send(c, false, { seq: serverEnd, ack: end + 1, flags: TcpFlag.fin | TcpFlag.ack }))
  each((c) => send(c, true, { seq: end + 1, ack: serverEnd + 1 }))
  return packets
}

const packets = makePackets()
const file = pcapFile(packets)
const expectedBytes = connections * exchanges * (request.length + 2 * response.length)

const check = (bytes: number): void => {
  if (bytes !== expectedBytes) throw new Error(`expected ${expectedBytes} bytes of streams, found ${bytes}`)
}

const sonde = (): number => {
  let bytes = 0
  const stream = {
    isAbandoned: false,
    deliver: (_direction: number, _bytes: Uint8Array, start: number, end: number) =>
      void (bytes += end - start),
    close: () => {},
  }
  const flows = new PacketFlows({ consumer: { open: () => stream } })
  const decoder = new CaptureDecoder((p) => {
    flows.add(p.bytes, p.start, p.end, p.originalLength, p.linkType, p.timeUs)
  })
  decoder.push(file)
  flows.endAll()
  check(bytes)
  return packets.length
}

interface NaiveHalf {
  next: number | null
  readonly queue: Map<number, Buffer>
  packets: number
  bytes: number
  retransmissions: number
}

interface NaiveFlow {
  readonly client: string
  readonly halves: Readonly<Record<"toServer" | "toClient", NaiveHalf>>
  synUs: number
  rttUs: number
  endUs: number
}

const makeHalf = (): NaiveHalf => ({ next: null, queue: new Map(), packets: 0, bytes: 0, retransmissions: 0 })

const naivePacket = (data: Buffer, at: number) => {
  const frame = data.subarray(at + 16, at + 16 + data.readUInt32LE(at + 8))
  const tcp = frame.subarray(34, 14 + frame.readUInt16BE(16))
  return {
    timeUs: data.readUInt32LE(at) * 1e6 + data.readUInt32LE(at + 4),
    bytes: data.readUInt32LE(at + 12),
    source: `${[...frame.subarray(26, 30)].join(".")}:${tcp.readUInt16BE(0)}`,
    target: `${[...frame.subarray(30, 34)].join(".")}:${tcp.readUInt16BE(2)}`,
    seq: tcp.readUInt32BE(4),
    ack: tcp.readUInt32BE(8),
    flags: tcp[13],
    payload: tcp.subarray((tcp[12] >> 4) * 4),
  }
}

const naive = (): number => {
  let bytes = 0
  const flows = new Map<string, NaiveFlow>()
  const data = Buffer.from(file.buffer, file.byteOffset, file.length)
  for (let at = 24; at < data.length; at += 16 + data.readUInt32LE(at + 8)) {
    const packet = naivePacket(data, at)
    const key = [packet.source, packet.target].sort().join("-")
    let flow = flows.get(key)
    if (flow === undefined) {
      const halves = { toServer: makeHalf(), toClient: makeHalf() }
      flow = { client: packet.source, halves, synUs: packet.timeUs, rttUs: 0, endUs: 0 }
      flows.set(key, flow)
    }
    const half = flow.halves[packet.source === flow.client ? "toServer" : "toClient"]
    half.packets++
    half.bytes += packet.bytes
    flow.endUs = packet.timeUs
    if ((packet.flags & TcpFlag.syn) !== 0) {
      half.next = packet.seq + 1
      flow.rttUs = packet.timeUs - flow.synUs
    }
    if (packet.payload.length === 0) continue
    half.next ??= packet.seq
    if (packet.seq >= half.next) half.queue.set(packet.seq, packet.payload)
    else half.retransmissions++
    for (let part = half.queue.get(half.next); part !== undefined; part = half.queue.get(half.next)) {
      half.queue.delete(half.next)
      half.next += part.length
      bytes += part.length
    }
  }
  check(bytes)
  return packets.length
}

const walk = (): number => {
  let sum = 0
  const decoder = new CaptureDecoder((p) => {
    sum += p.bytes[p.start] + p.bytes[p.end - 1]
  })
  decoder.push(file)
  if (sum < 0) throw new Error("cannot be")
  return packets.length
}

const tunnelled = (frame: Uint8Array): Uint8Array =>
  ethernet(0x0800, ipv4({ protocol: 17 }, udpDatagram(50_000, 4789, vxlan(7, frame))))

/** Parses all packets, which lie one behind the other. */
const parser = (wrap: (frame: Uint8Array) => Uint8Array): (() => number) => {
  const frames = packets.map(({ bytes }) => wrap(bytes))
  const bytes = bytesOf(...frames)
  const lengths = Uint32Array.from(frames, (frame) => frame.length)
  const packet = new Packet()
  return () => {
    let at = 0
    for (const length of lengths) {
      const parsed = parsePacket(packet, bytes, at, at + length, length, 1, 0)
      if (parsed !== Parsed.tcp) throw new Error(`expected TCP, found ${parsed}`)
      at += length
    }
    return lengths.length
  }
}

console.log(
  `${packets.length} packets, ${connections} connections at once, ${(file.length / 1e6).toFixed(0)} MB`,
)
measure("pcap to ordered streams (a message is a packet)", [
  { name: "sonde", run: sonde },
  { name: "naive Map<string>", run: naive },
  { name: "reading the file alone", run: walk },
])
measure("headers alone (a message is a packet)", [
  { name: "plain", run: parser((frame) => frame) },
  { name: "within VXLAN", run: parser(tunnelled) },
])
