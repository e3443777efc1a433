// One direction of a WebSocket connection: where in a frame it stands, and what was counted since the last report.
// Bound: one frame header and the 125 bytes of a Close frame.

import { maxHeader } from "./frame.ts"

export const Phase = {
  header: 0,
  payload: 1,
  /** Position unknown: looking for a run of bytes that begins with frames. */
  lost: 2,
} as const
export type Phase = (typeof Phase)[keyof typeof Phase]

export class WebSocketHalf {
  phase: Phase = Phase.header
  readonly header = new Uint8Array(maxHeader)
  headerLength = 0
  opcode = 0
  /** Bytes of the present frame's payload still to come. */
  remaining = 0
  close: Uint8Array | null = null
  closeLength = 0

  /** Counted since `startUs`. */
  startUs = 0
  endUs = 0
  tcpSeq = 0
  captured = 0
  bytes = 0
  text = 0
  binary = 0
  pings = 0
  pongs = 0

  get hasFrames(): boolean {
    return this.captured > 0
  }

  /** Text and binary messages, pings and pongs, by name; without those that were none. */
  counts(): ReadonlyArray<string> {
    const counts: Array<string> = []
    if (this.text > 0) counts.push("text_messages", String(this.text))
    if (this.binary > 0) counts.push("binary_messages", String(this.binary))
    if (this.pings > 0) counts.push("pings", String(this.pings))
    if (this.pongs > 0) counts.push("pongs", String(this.pongs))
    return counts
  }

  clearCounts(): void {
    this.captured = this.bytes = this.text = this.binary = this.pings = this.pongs = 0
  }
}
