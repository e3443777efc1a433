// One direction of a flow: what was counted, and for TCP how far its byte stream was read.

import type { SegmentQueue } from "./SegmentQueue.ts"

export class FlowHalf {
  /** Where its first packet was seen, see `pointOf`; -1: none yet. */
  point = -1
  packets = 0
  /** Bytes on the wire, link layer included. */
  bytes = 0
  /** Bytes of TCP or UDP payload as the headers say, retransmitted ones included. */
  payloadBytes = 0
  syn = 0
  fin = 0
  rst = 0
  /** Segments with bytes (or a SYN) that were sent before. */
  retransmissions = 0
  synRetransmissions = 0
  /** Segments that arrived after bytes that follow them. */
  outOfOrder = 0
  zeroWindow = 0
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
}
