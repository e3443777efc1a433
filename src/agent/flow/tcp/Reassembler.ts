// Puts the bytes of TCP streams in order: trims what was sent again, holds back what comes too early, and
// gives a gap up when the other side acknowledged it, when too much waits behind it, or after two seconds.
// Each byte is delivered at most once.

import { type Packet, TcpFlag } from "../../capture/packet/Packet.ts"
import type { FlowHalf } from "./FlowHalf.ts"
import type { PacketFlow } from "./PacketFlow.ts"
import { type QueueBudget, type Segment, SegmentQueue } from "./SegmentQueue.ts"
import { type StreamConsumer, StreamDirection } from "./StreamConsumer.ts"

/** Sequence numbers further away than this belong to no byte of the connection. */
const maxJump = 64 * 1024 * 1024
const maxGapUs = 2_000_000
const nothing = new Uint8Array(0)

const halfOf = (flow: PacketFlow, direction: StreamDirection): FlowHalf =>
  direction === StreamDirection.toServer ? flow.toServer : flow.toClient

const opposite = (direction: StreamDirection): StreamDirection =>
  direction === StreamDirection.toServer ? StreamDirection.toClient : StreamDirection.toServer

/** Whether a sequence number can be of this connection. */
export const isNear = (half: FlowHalf, seq: number): boolean => {
  const offset = (seq - half.next) | 0
  return !half.isAnchored || (offset <= maxJump && offset >= -maxJump)
}

/** What waits in this direction; null: nothing does. */
const queueOf = (flow: PacketFlow, direction: StreamDirection): SegmentQueue | null =>
  halfOf(flow, direction).isWaiting ? halfOf(flow.own, direction).queue : null

const firstOf = (flow: PacketFlow, direction: StreamDirection): Segment | undefined =>
  queueOf(flow, direction)?.first

const clearQueue = (half: FlowHalf): void => {
  half.isWaiting = false
  half.queue?.clear()
}

const anchor = (half: FlowHalf, seq: number): void => {
  half.isAnchored = true
  half.next = seq
  half.firstSeq = seq
  if (!isNear(half, half.acked)) half.hasAcked = false
}

export class Reassembler {
  readonly counters = {
    deliveredBytes: 0,
    /** Gaps that were given up, and their bytes. */
    gaps: 0,
    missingBytes: 0,
    /** Gaps given up because a limit of the queues was reached, or by time. */
    gapsByLimit: 0,
    gapsByTime: 0,
    /** Segments whose sequence number made no sense. */
    strays: 0,
  }
  readonly budget: QueueBudget
  private readonly consumer: StreamConsumer
  /** Flows that may have something queued; checked by `expire`. */
  private readonly waiting = new Set<PacketFlow>()

  constructor(consumer: StreamConsumer, maxQueuedBytes: number) {
    this.consumer = consumer
    this.budget = { maxBytes: maxQueuedBytes, bytes: 0 }
  }

  /** Takes one packet of the flow; its SYN, acknowledgement, bytes and FIN, not its RST. */
  take(flow: PacketFlow, direction: StreamDirection, packet: Packet): void {
    const half = halfOf(flow, direction)
    const { flags, missing, payloadEnd, payloadStart, timeUs } = packet
    const length = payloadEnd - payloadStart + missing
    let { seq } = packet
    if ((flags & TcpFlag.syn) !== 0) {
      half.hasIsn = true
      half.isn = seq
      seq = (seq + 1) | 0
      if (!half.isAnchored) anchor(half, seq)
    }
    // First what the packet says of the other direction: a response comes after the request it acknowledges.
    if ((flags & TcpFlag.ack) !== 0)
      this.acknowledge(flow, opposite(direction), packet.ack, length > 0, timeUs)
    if (length > 0) {
      if (!half.isAnchored) anchor(half, seq)
      this.accept(flow, direction, half, packet.bytes, payloadStart, payloadEnd, missing, seq, timeUs)
    }
    if ((flags & TcpFlag.fin) !== 0) this.takeFin(flow, direction, half, (seq + length) | 0, timeUs)
  }

  /** Delivers what waits behind gaps of the flow. */
  flush(flow: PacketFlow, timeUs: number): void {
    if (!flow.toServer.isWaiting && !flow.toClient.isWaiting) return
    this.flushHalf(flow, StreamDirection.toServer, timeUs)
    this.flushHalf(flow, StreamDirection.toClient, timeUs)
    this.waiting.delete(flow.own)
  }

  /** Ends waiting for gaps that are too old. */
  expire(nowUs: number): void {
    for (const flow of this.waiting) {
      const isServerWaiting = this.expireHalf(flow, StreamDirection.toServer, nowUs)
      const isClientWaiting = this.expireHalf(flow, StreamDirection.toClient, nowUs)
      if (!isServerWaiting && !isClientWaiting) this.waiting.delete(flow)
    }
  }

  private expireHalf(flow: PacketFlow, direction: StreamDirection, nowUs: number): boolean {
    const half = halfOf(flow, direction)
    if (!half.isWaiting) return false
    if (nowUs - half.gapSinceUs < maxGapUs) return true
    this.counters.gapsByTime++
    this.flushHalf(flow, direction, nowUs)
    return false
  }

  private flushHalf(flow: PacketFlow, direction: StreamDirection, timeUs: number): void {
    const half = halfOf(flow, direction)
    for (let first = firstOf(flow, direction); first !== undefined; first = firstOf(flow, direction)) {
      this.skipTo(flow, direction, half, first.seq, timeUs)
      this.drain(flow, direction, half, timeUs)
    }
  }

  /**
   * The other side of `direction` has received everything below `ack`; `isAnswered`: and sent bytes after
   * that.
   */
  private acknowledge(
    flow: PacketFlow,
    direction: StreamDirection,
    ack: number,
    isAnswered: boolean,
    timeUs: number,
  ): void {
    const half = halfOf(flow, direction)
    if (half.hasAcked && ((ack - half.acked) | 0) < 0) return
    const ahead = (ack - half.next) | 0
    if (!isNear(half, ack)) return
    half.hasAcked = true
    half.acked = ack
    if (!half.isAnchored || ahead <= 0 || half.isFinished) return
    this.release(flow, direction, half, timeUs)
    const isFinAcked = half.hasFin && ((ack - half.finSeq) | 0) > 0
    if (isFinAcked) this.skipTo(flow, direction, half, half.finSeq, timeUs)
    // An acknowledgement alone may have been captured before the bytes; an answer to them may not.
    else if (isAnswered) this.skipTo(flow, direction, half, ack, timeUs)
    this.reachFin(half)
  }

  /** Gives up gaps below what was acknowledged. */
  private release(flow: PacketFlow, direction: StreamDirection, half: FlowHalf, timeUs: number): void {
    for (let first = firstOf(flow, direction); first !== undefined; first = firstOf(flow, direction)) {
      if (((half.acked - first.seq) | 0) < 0) return
      this.skipTo(flow, direction, half, first.seq, timeUs)
      this.drain(flow, direction, half, timeUs)
    }
  }

  private accept(
    flow: PacketFlow,
    direction: StreamDirection,
    half: FlowHalf,
    bytes: Uint8Array,
    start: number,
    end: number,
    missing: number,
    seq: number,
    timeUs: number,
  ): void {
    const length = end - start + missing
    const offset = (seq - half.next) | 0
    if (!isNear(half, seq)) {
      half.strays++
      this.counters.strays++
      return
    }
    half.strays = 0
    if (offset + length <= 0) return
    if (offset <= 0) {
      this.deliver(flow, direction, half, bytes, start, end, missing, seq, timeUs)
      if (half.isWaiting) this.drain(flow, direction, half, timeUs)
      this.reachFin(half)
      return
    }
    if (flow.isDeaf) {
      half.next = (seq + length) | 0
      this.reachFin(half)
      return
    }
    this.hold(flow, direction, half, bytes, start, end, missing, seq, timeUs)
  }

  /** Queues a segment that is too early, or gives up gaps until there is room or it is its turn. */
  private hold(
    flow: PacketFlow,
    direction: StreamDirection,
    half: FlowHalf,
    bytes: Uint8Array,
    start: number,
    end: number,
    missing: number,
    seq: number,
    timeUs: number,
  ): void {
    const { own } = flow
    const queue = (halfOf(own, direction).queue ??= new SegmentQueue(this.budget))
    if (queue.covers(seq, end - start + missing)) return
    if (queue.first === undefined) {
      half.gapSinceUs = timeUs
      this.waiting.add(own)
    }
    while (!queue.add(seq, bytes, start, end, missing, timeUs)) {
      this.counters.gapsByLimit++
      const { first } = queue
      if (first === undefined || ((seq - first.seq) | 0) <= 0) this.skipTo(flow, direction, half, seq, timeUs)
      else {
        this.skipTo(flow, direction, half, first.seq, timeUs)
        this.drain(flow, direction, half, timeUs)
      }
      if (((seq - half.next) | 0) > 0) continue
      this.deliver(flow, direction, half, bytes, start, end, missing, seq, timeUs)
      this.drain(flow, direction, half, timeUs)
      this.reachFin(half)
      return
    }
    half.isWaiting = true
    if (half.hasAcked) this.release(flow, direction, half, timeUs)
    this.reachFin(half)
  }

  /** Delivers what is queued and now in order. */
  private drain(flow: PacketFlow, direction: StreamDirection, half: FlowHalf, timeUs: number): void {
    const queue = queueOf(flow, direction)
    if (queue === null) return
    for (let first = queue.first; first !== undefined; first = queue.first) {
      if (((first.seq - half.next) | 0) > 0) {
        half.gapSinceUs = timeUs
        return
      }
      queue.shift()
      const { bytes, missing, seq } = first
      this.deliver(flow, direction, half, bytes, 0, bytes.length, missing, seq, first.timeUs)
    }
    half.isWaiting = false
  }

  /** Bytes up to `seq` will not come. */
  private skipTo(
    flow: PacketFlow,
    direction: StreamDirection,
    half: FlowHalf,
    seq: number,
    timeUs: number,
  ): void {
    const missing = (seq - half.next) | 0
    if (missing <= 0) return
    this.counters.gaps++
    const from = half.next
    half.next = seq
    this.emit(flow, direction, half, nothing, 0, 0, missing, timeUs, from)
  }

  /** Delivers what is new of a segment that begins at or before `next`. */
  private deliver(
    flow: PacketFlow,
    direction: StreamDirection,
    half: FlowHalf,
    bytes: Uint8Array,
    start: number,
    end: number,
    missing: number,
    seq: number,
    timeUs: number,
  ): void {
    const known = (half.next - seq) | 0
    const captured = end - start
    if (known >= captured + missing) return
    const from = start + Math.min(known, captured)
    const lost = missing - Math.max(0, known - captured)
    const next = half.next
    half.next = (seq + captured + missing) | 0
    this.emit(flow, direction, half, bytes, from, end, lost, timeUs, next)
  }

  private emit(
    flow: PacketFlow,
    direction: StreamDirection,
    half: FlowHalf,
    bytes: Uint8Array,
    start: number,
    end: number,
    missing: number,
    timeUs: number,
    seq: number,
  ): void {
    half.missingBytes += missing
    if (flow.isDeaf) return
    const { own } = flow
    own.stream ??= this.consumer.open(own)
    const { stream } = own
    if (timeUs > half.deliveredUs) half.deliveredUs = timeUs
    this.counters.deliveredBytes += end - start
    this.counters.missingBytes += missing
    stream?.deliver(direction, bytes, start, end, missing, half.deliveredUs, seq >>> 0)
    if (stream !== null && !stream.isAbandoned) return
    flow.isDeaf = true
    clearQueue(own.toServer)
    clearQueue(own.toClient)
  }

  private takeFin(
    flow: PacketFlow,
    direction: StreamDirection,
    half: FlowHalf,
    finSeq: number,
    timeUs: number,
  ): void {
    if (half.hasFin) return
    if (!half.isAnchored) anchor(half, finSeq)
    if (!isNear(half, finSeq)) return
    half.hasFin = true
    half.finSeq = finSeq
    const isAcked = half.hasAcked && ((half.acked - finSeq) | 0) > 0
    if (flow.isDeaf || isAcked) this.skipTo(flow, direction, half, finSeq, timeUs)
    this.reachFin(half)
  }

  private reachFin(half: FlowHalf): void {
    if (!half.hasFin || half.isFinished || ((half.finSeq - half.next) | 0) > 0) return
    half.isFinished = true
    half.next = (half.finSeq + 1) | 0
  }
}
