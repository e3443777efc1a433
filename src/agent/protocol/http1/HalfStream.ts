// One direction of an HTTP/1.x connection: where in a message it stands, and the bytes of a head that is not complete yet.

import { emptyMessage, type L7Message } from "../../../model/L7Session.ts"
import { EventCounter } from "../EventCounter.ts"
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
  /** Of a response that is an event stream and was handed over at its beginning: what is to be told at its end. */
  streamEnd: L7Message | null = null
  events: EventCounter | null = null
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

  touch(): number {
    return this.message === null ? this.phase : this.message.capturedBytes
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

  /** The body is an event stream: of its end a one-way message tells, with the number of events. */
  expectEvents(beginning: L7Message): void {
    const end = emptyMessage(beginning.type, beginning.protocol, beginning.startUs, beginning.tcpSeq)
    end.isAsync = true
    end.version = beginning.version
    end.endpoint = beginning.endpoint
    end.code = beginning.code
    end.status = beginning.status
    end.endUs = beginning.endUs
    end.capturedBytes = beginning.capturedBytes
    this.streamEnd = end
    this.events = new EventCounter()
    if (this.phase === Phase.chunks) this.chunks.events = this.events
  }

  /** What is to be told of the end of an event stream, once. */
  takeStreamEnd(): L7Message | null {
    const { streamEnd, events } = this
    if (streamEnd === null || events === null) return null
    this.streamEnd = this.events = null
    if (this.phase === Phase.untilClose) streamEnd.length = this.counted
    if (!events.isUnsure) streamEnd.attributes = ["events", String(events.count)]
    return streamEnd
  }
}
