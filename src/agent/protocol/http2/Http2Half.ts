// One direction of an HTTP/2 connection: where in a frame it stands, its header table, and the bytes of a header block that
// is not complete yet. Bound: one block of 16 KiB, one table of 16 KiB, 128 bytes of a control frame.

import { FrameFlag, frameHeaderLength, FrameType, uint32 } from "./frame.ts"
import { HpackDecoder, maxBlock } from "./HpackDecoder.ts"
import type { FramePlace } from "./Http2Streams.ts"

export const Phase = {
  /** At the beginning of a frame, or in its header. */
  header: 0,
  /** In the client's connection preface. */
  preface: 1,
  data: 2,
  /** In a frame with a piece of a header block. */
  block: 3,
  /** In a frame whose payload is read when it is complete. */
  control: 4,
  /** In a frame whose payload is not read. */
  skip: 5,
  /** Position unknown: looking for a run of bytes that begins with a frame. */
  lost: 6,
} as const
export type Phase = (typeof Phase)[keyof typeof Phase]

/** Bytes of a control frame that are kept: GOAWAY may carry a long text. */
export const maxControl = 128

export class Http2Half {
  phase: Phase = Phase.header
  hasBegun = false
  readonly decoder = new HpackDecoder()
  readonly header = new Uint8Array(frameHeaderLength)
  headerLength = 0
  prefaceLength = 0

  /** The present frame. */
  type = 0
  flags = 0
  stream = 0
  length = 0
  /** Bytes of its payload still to come. */
  remaining = 0
  startUs = 0
  tcpSeq = 0
  captured = 0
  /** Data: bytes of padding at its end; -1 while its length is not read. */
  padding = 0

  readonly control = new Uint8Array(maxControl)
  controlLength = 0

  /** The header block under way; `blockStream` is 0 when there is none. */
  blockStream = 0
  isPromise = false
  /** The stream that a PUSH_PROMISE opens, 0 while it is not known. */
  blockPromised = 0
  blockEnds = false
  isBlockCut = false
  block: Uint8Array | null = null
  blockLength = 0
  /** Where in `block` the payload of the present frame begins. */
  pieceStart = 0
  readonly place: FramePlace = { startUs: 0, tcpSeq: 0, captured: 0 }

  /** Appends to the block, up to its bound or the first gap: there the block is cut. */
  appendBlock(bytes: Uint8Array, start: number, end: number): void {
    if (this.isBlockCut) return
    const wanted = this.blockLength + end - start
    const length = Math.min(wanted, maxBlock)
    if (wanted > maxBlock) this.isBlockCut = true
    if (this.block === null || this.block.length < length) {
      const grown = new Uint8Array(Math.min(maxBlock, Math.max(512, length * 2)))
      if (this.block !== null) grown.set(this.block.subarray(0, this.blockLength))
      this.block = grown
    }
    for (let i = this.blockLength, from = start; i < length; i++, from++) this.block[i] = bytes[from]
    this.blockLength = length
  }

  /** Length of what precedes the piece of a block in the present frame: pad length, priority, promised stream. */
  get prefixLength(): number {
    if (this.type === FrameType.continuation) return 0
    const ofPadding = (this.flags & FrameFlag.padded) === 0 ? 0 : 1
    if (this.type === FrameType.pushPromise) return ofPadding + 4
    return (this.flags & FrameFlag.priority) === 0 ? ofPadding : ofPadding + 5
  }

  /** Takes out of the block what its latest frame carries besides; false when that is longer than the frame. */
  stripPiece(): boolean {
    const { block, pieceStart, prefixLength } = this
    if (prefixLength === 0 || block === null) return true
    const piece = this.blockLength - pieceStart
    const padding = (this.flags & FrameFlag.padded) === 0 || this.isBlockCut ? 0 : block[pieceStart]
    if (prefixLength + padding > piece) {
      this.blockLength = pieceStart
      return this.isBlockCut
    }
    if (this.isPromise) this.blockPromised = uint32(block, pieceStart + prefixLength - 4) & 0x7fff_ffff
    block.copyWithin(pieceStart, pieceStart + prefixLength, this.blockLength - padding)
    this.blockLength -= prefixLength + padding
    return true
  }

  clearBlock(): void {
    this.block = null
    this.blockLength = 0
    this.blockStream = 0
    this.blockPromised = 0
    this.isPromise = false
    this.isBlockCut = false
  }
}
