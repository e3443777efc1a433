// One direction of an HTTP/1.x connection: where in a message it stands, and the bytes of a head that is not complete yet.

import type { L7Message } from "../../../model/L7Session.ts"
import { ChunkScanner } from "./ChunkScanner.ts"

export const Phase = {
  /** Between messages. */
  start: 0,
  /** Part of a head is buffered. */
  head: 1,
  /** Body of known length. */
  body: 2,
  chunks: 3,
  untilClose: 4,
  /** Position unknown: looking for a run of bytes that begins a message. */
  lost: 5,
} as const
export type Phase = (typeof Phase)[keyof typeof Phase]

/** Bytes of a head that are kept; servers take 8 KiB by default. */
export const maxHead = 16 * 1024

export class HalfStream {
  phase: Phase = Phase.start
  /** The message whose body is being read and that was not handed over yet. */
  message: L7Message | null = null
  /** Bytes left of a body of known length. */
  remaining = 0
  /** Bytes of a body that only the connection's end completes. */
  counted = 0
  /** The request that a body belongs to is not known (its response's body may be absent). */
  isUncertain = false
  head: Uint8Array | null = null
  headLength = 0
  headStartUs = 0
  headTcpSeq = 0
  private chunkScanner: ChunkScanner | null = null

  get chunks(): ChunkScanner {
    this.chunkScanner ??= new ChunkScanner()
    return this.chunkScanner
  }

  /** Appends bytes of a head; false when it grows beyond the limit (then it is filled up to the limit). */
  appendHead(bytes: Uint8Array, start: number, end: number): boolean {
    const wanted = this.headLength + end - start
    const length = Math.min(wanted, maxHead)
    if (this.head === null || this.head.length < length) {
      const grown = new Uint8Array(Math.min(maxHead, Math.max(512, length * 2)))
      if (this.head !== null) grown.set(this.head.subarray(0, this.headLength))
      this.head = grown
    }
    for (let i = this.headLength, from = start; i < length; i++, from++) this.head[i] = bytes[from]
    this.headLength = length
    return wanted <= maxHead
  }

  clearHead(): void {
    this.head = null
    this.headLength = 0
  }
}
