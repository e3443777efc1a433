// One direction of a flow: what was counted, and for TCP how far its byte stream was read. A view of a part of a flow's block
// (FlowSlots.ts): moved from flow to flow where many are passed, or staying with one. Offsets stand in the accessors, which name
// them: short enough for the engine to inline always. What each packet needs is one cache line.

import type { FlowMemory } from "./FlowSlots.ts"
import type { FlowTunnel } from "./FlowTunnel.ts"
import type { SegmentQueue } from "./SegmentQueue.ts"

/** Doubles of a half: what each packet needs, and what few do. */
export const halfLength = 8
export const coldHalfLength = 12
/** Gaps remembered of a direction, pairs of begin and end in words. */
export const maxGaps = 8
const gapsBehind = 8

export class FlowHalf {
  /** Three views of the same memory, and where this begins in each. */
  values: Float64Array
  words: Int32Array
  bytes: Uint8Array
  at = 0
  wordAt = 0
  byteAt = 0
  coldAt = 0
  coldWordAt = 0
  tunnel: FlowTunnel | null = null
  queue: SegmentQueue | null = null

  constructor({ bytes, values, words }: FlowMemory) {
    this.values = values
    this.words = words
    this.bytes = bytes
  }

  moveTo(at: number, coldAt: number): void {
    this.at = at
    this.wordAt = at * 2
    this.byteAt = at * 8
    this.coldAt = coldAt
    this.coldWordAt = coldAt * 2
  }

  /** Of a block that is zero. */
  begin(): void {
    this.point = -1
    this.lastUs = -1
  }

  /** When the last push was sent. */
  get pushUs(): number {
    return this.values[this.at + 0]!
  }
  set pushUs(value: number) {
    this.values[this.at + 0] = value
  }
  /** When the last packet came; -1: none did. */
  get lastUs(): number {
    return this.values[this.at + 1]!
  }
  set lastUs(value: number) {
    this.values[this.at + 1] = value
  }
  get packets(): number {
    return this.values[this.at + 2]!
  }
  set packets(value: number) {
    this.values[this.at + 2] = value
  }
  /** `next` is known: a SYN or bytes were seen. Sequence numbers are signed 32-bit, compared by difference. */
  get isAnchored(): boolean {
    return this.bytes[this.byteAt + 24] !== 0
  }
  set isAnchored(is: boolean) {
    this.bytes[this.byteAt + 24] = is ? 1 : 0
  }
  get hasIsn(): boolean {
    return this.bytes[this.byteAt + 25] !== 0
  }
  set hasIsn(is: boolean) {
    this.bytes[this.byteAt + 25] = is ? 1 : 0
  }
  get hasAcked(): boolean {
    return this.bytes[this.byteAt + 26] !== 0
  }
  set hasAcked(is: boolean) {
    this.bytes[this.byteAt + 26] = is ? 1 : 0
  }
  get hasFin(): boolean {
    return this.bytes[this.byteAt + 27] !== 0
  }
  set hasFin(is: boolean) {
    this.bytes[this.byteAt + 27] = is ? 1 : 0
  }
  /** The FIN was reached. */
  get isFinished(): boolean {
    return this.bytes[this.byteAt + 28] !== 0
  }
  set isFinished(is: boolean) {
    this.bytes[this.byteAt + 28] = is ? 1 : 0
  }
  /** `sentEnd` is known. */
  get hasSent(): boolean {
    return this.bytes[this.byteAt + 29] !== 0
  }
  set hasSent(is: boolean) {
    this.bytes[this.byteAt + 29] = is ? 1 : 0
  }
  /** The acknowledgement of the last push is still awaited, and its answer. */
  get awaitsAck(): boolean {
    return this.bytes[this.byteAt + 30] !== 0
  }
  set awaitsAck(is: boolean) {
    this.bytes[this.byteAt + 30] = is ? 1 : 0
  }
  get awaitsAnswer(): boolean {
    return this.bytes[this.byteAt + 31] !== 0
  }
  set awaitsAnswer(is: boolean) {
    this.bytes[this.byteAt + 31] = is ? 1 : 0
  }
  /** All TCP flags that were seen. */
  get flags(): number {
    return this.bytes[this.byteAt + 32]!
  }
  set flags(value: number) {
    this.bytes[this.byteAt + 32] = value
  }
  /** Segments in a row that are nowhere near `next`: a handful at most. */
  get strays(): number {
    return this.bytes[this.byteAt + 33]!
  }
  set strays(value: number) {
    this.bytes[this.byteAt + 33] = value
  }
  /** Segments wait in the queue of the flow's own view. */
  get isWaiting(): boolean {
    return this.bytes[this.byteAt + 34] !== 0
  }
  set isWaiting(is: boolean) {
    this.bytes[this.byteAt + 34] = is ? 1 : 0
  }
  /** Where its first packet was seen, see `pointOf`; -1: none yet. */
  get point(): number {
    return this.words[this.wordAt + 9]!
  }
  set point(value: number) {
    this.words[this.wordAt + 9] = value
  }
  /** Sequence number of the first byte that was not delivered. */
  get next(): number {
    return this.words[this.wordAt + 10]!
  }
  set next(value: number) {
    this.words[this.wordAt + 10] = value
  }
  get isn(): number {
    return this.words[this.wordAt + 11]!
  }
  set isn(value: number) {
    this.words[this.wordAt + 11] = value
  }
  /** The highest acknowledgement the other side sent. */
  get acked(): number {
    return this.words[this.wordAt + 12]!
  }
  set acked(value: number) {
    this.words[this.wordAt + 12] = value
  }
  /** End of what was seen sent, by sequence numbers alone. */
  get sentEnd(): number {
    return this.words[this.wordAt + 13]!
  }
  set sentEnd(value: number) {
    this.words[this.wordAt + 13] = value
  }
  /** Bytes of the last packet. */
  get lastLength(): number {
    return this.words[this.wordAt + 14]!
  }
  set lastLength(value: number) {
    this.words[this.wordAt + 14] = value
  }
  get finSeq(): number {
    return this.words[this.wordAt + 15]!
  }
  set finSeq(value: number) {
    this.words[this.wordAt + 15] = value
  }
  get deliveredUs(): number {
    return this.values[this.coldAt + 0]!
  }
  set deliveredUs(value: number) {
    this.values[this.coldAt + 0] = value
  }
  /** When waiting for a gap began; only meaningful while something is queued. */
  get gapSinceUs(): number {
    return this.values[this.coldAt + 1]!
  }
  set gapSinceUs(value: number) {
    this.values[this.coldAt + 1] = value
  }
  /** Bytes of the stream that were not captured. */
  get missingBytes(): number {
    return this.values[this.coldAt + 2]!
  }
  set missingBytes(value: number) {
    this.values[this.coldAt + 2] = value
  }
  /** Where the stream began to be read. */
  get firstSeq(): number {
    return this.words[this.coldWordAt + 6]!
  }
  set firstSeq(value: number) {
    this.words[this.coldWordAt + 6] = value
  }
  /** What was not seen before `sentEnd`: pairs of begin and end in `words` from `gapsAt` on. */
  get gapCount(): number {
    return this.words[this.coldWordAt + 7]!
  }
  set gapCount(value: number) {
    this.words[this.coldWordAt + 7] = value
  }
  get gapsAt(): number {
    return this.coldWordAt + gapsBehind
  }
}
