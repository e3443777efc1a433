// One direction of a flow: what was counted, and for TCP how far its byte stream was read.

import type { FlowTunnel } from "./FlowTunnel.ts"
import type { SegmentQueue } from "./SegmentQueue.ts"

export class FlowHalf {
  /** Where its first packet was seen, see `pointOf`; -1: none yet. */
  point = -1
  packets = 0
  /** All TCP flags that were seen. */
  flags = 0
  tunnel: FlowTunnel | null = null
  /** Bytes of the stream that were not captured. */
  missingBytes = 0

  /**
   * `next` is known: a SYN or bytes were seen. Sequence numbers are signed 32-bit, compared by difference.
   */
  isAnchored = false
  /** Sequence number of the first byte that was not delivered. */
  next = 0
  /** Where the stream began to be read. */
  firstSeq = 0
  hasIsn = false
  isn = 0
  /** The highest acknowledgement the other side sent. */
  hasAcked = false
  acked = 0
  hasFin = false
  finSeq = 0
  /** The FIN was reached. */
  isFinished = false
  /** Segments in a row that are nowhere near `next`. */
  strays = 0
  /** When waiting for a gap began; only meaningful while something is queued. */
  gapSinceUs = 0
  deliveredUs = 0
  queue: SegmentQueue | null = null

  /** End of what was seen sent, by sequence numbers alone; meaningful once `hasSent`. */
  hasSent = false
  sentEnd = 0
  /** What was not seen before that: pairs of begin and end. */
  gaps: Int32Array | null = null
  gapCount = 0
  /** When the last push was sent, and whether its acknowledgement and its answer are still awaited. */
  pushUs = 0
  awaitsAck = false
  awaitsAnswer = false
  /** When the last packet came (-1: none did), and its bytes. */
  lastUs = -1
  lastLength = 0
}
