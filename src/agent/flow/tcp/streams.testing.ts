// For tests: plays packets of one or more connections into PacketFlows and keeps what comes out.

import { TcpFlag } from "../../capture/packet/Packet.ts"
import { tcpFrame, type TcpSpec, text } from "../../capture/packet/packets.testing.ts"
import type { PacketFlow } from "./PacketFlow.ts"
import { PacketFlows, type PacketFlowsOptions } from "./PacketFlows.ts"
import type { ByteStream, StreamDirection } from "./StreamConsumer.ts"

/** What a stream was given, as text; missing bytes stand as `<n>`. */
export class RecordedStream implements ByteStream {
  readonly flow: PacketFlow
  isAbandoned = false
  readonly directions: [string, string] = ["", ""]
  /** Directions of feeds in order, with the time and sequence number of each. */
  readonly feeds: Array<[direction: StreamDirection, timeUs: number, tcpSeq: number]> = []
  closes = 0

  constructor(flow: PacketFlow) {
    this.flow = flow
  }

  deliver(
    direction: StreamDirection,
    bytes: Uint8Array,
    start: number,
    end: number,
    missing: number,
    timeUs: number,
    tcpSeq: number,
  ): void {
    this.directions[direction] += new TextDecoder("latin1").decode(bytes.subarray(start, end))
    if (missing > 0) this.directions[direction] += `<${missing}>`
    this.feeds.push([direction, timeUs, tcpSeq])
  }

  close(): void {
    this.closes++
  }
}

export const clientIsn = 1_000
export const serverIsn = 5_000

export class Play {
  readonly streams: Array<RecordedStream> = []
  readonly ended: Array<PacketFlow> = []
  readonly flows: PacketFlows
  timeUs = 1_000_000_000

  constructor(options: Partial<PacketFlowsOptions> = {}) {
    this.flows = new PacketFlows({
      consumer: {
        open: (flow) => {
          const stream = new RecordedStream(flow)
          this.streams.push(stream)
          return stream
        },
      },
      onFlowEnd: (flow) => this.ended.push(flow),
      ...options,
    })
  }

  /** One packet, 2 ms after the one before unless said otherwise. */
  packet(spec: TcpSpec, afterUs = 2_000): void {
    this.timeUs += afterUs
    const frame = tcpFrame(spec)
    this.flows.add(frame, 0, frame.length, frame.length, 1, this.timeUs)
  }

  /** From the client; `at` counts bytes of its stream from 0. */
  client(at: number, payload: string, spec: TcpSpec = {}, afterUs?: number): void {
    this.packet(
      { seq: clientIsn + 1 + at, ack: serverIsn + 1, flags: TcpFlag.ack, payload: text(payload), ...spec },
      afterUs,
    )
  }

  server(at: number, payload: string, spec: TcpSpec = {}, afterUs?: number): void {
    this.packet(
      {
        from: "10.0.0.2",
        to: "10.0.0.1",
        fromPort: 80,
        toPort: 40_000,
        seq: serverIsn + 1 + at,
        ack: clientIsn + 1,
        flags: TcpFlag.ack,
        payload: text(payload),
        ...spec,
      },
      afterUs,
    )
  }

  handshake(): void {
    this.client(-1, "", { flags: TcpFlag.syn, ack: 0 })
    this.server(-1, "", { flags: TcpFlag.syn | TcpFlag.ack })
    this.client(0, "")
  }

  end(): void {
    this.flows.endAll()
  }
}
