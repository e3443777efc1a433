// Segments of one direction that arrived before what precedes them, ordered by sequence number. Holds copies,
// at most 64 KiB and 256 segments; the bytes of all queues together are limited by a shared budget.

/** Bytes that all queues of one reassembler hold. */
export interface QueueBudget {
  readonly maxBytes: number
  bytes: number
}

export interface Segment {
  /** Signed 32-bit. */
  readonly seq: number
  readonly bytes: Uint8Array
  /** Bytes after these that the segment had and the capture has not. */
  readonly missing: number
  readonly timeUs: number
}

export const maxQueueBytes = 64 * 1024
export const maxQueueSegments = 256

export class SegmentQueue {
  bytes = 0
  private readonly segments: Array<Segment> = []
  private readonly budget: QueueBudget

  constructor(budget: QueueBudget) {
    this.budget = budget
  }

  get first(): Segment | undefined {
    return this.segments[0]
  }

  /** True when one queued segment has all of `length` bytes from `seq`. */
  covers(seq: number, length: number): boolean {
    for (const segment of this.segments) {
      const before = (seq - segment.seq) | 0
      if (before >= 0 && before + length <= segment.bytes.length + segment.missing) return true
    }
    return false
  }

  /** Copies `bytes[start, end)`; false when there is no room. */
  add(seq: number, bytes: Uint8Array, start: number, end: number, missing: number, timeUs: number): boolean {
    const length = end - start
    const { budget, segments } = this
    if (
      segments.length >= maxQueueSegments ||
      this.bytes + length > maxQueueBytes ||
      budget.bytes + length > budget.maxBytes
    ) {
      return false
    }
    let at = segments.length
    while (at > 0 && ((seq - segments[at - 1].seq) | 0) < 0) at--
    segments.splice(at, 0, { seq, bytes: bytes.slice(start, end), missing, timeUs })
    this.bytes += length
    budget.bytes += length
    return true
  }

  shift(): Segment | undefined {
    const segment = this.segments.shift()
    if (segment !== undefined) {
      this.bytes -= segment.bytes.length
      this.budget.bytes -= segment.bytes.length
    }
    return segment
  }

  clear(): void {
    this.budget.bytes -= this.bytes
    this.bytes = 0
    this.segments.length = 0
  }
}
