// What the parsers of one protocol met: plain counters, shared by all connections of one Protocol value.

export interface ParserStats {
  requests: number
  responses: number
  /** Messages that broke the protocol's grammar or a limit. */
  malformed: number
  /** Messages emitted from an incomplete capture (cut head, lost body). */
  truncated: number
  /** Times a message start was found again after a loss. */
  resyncs: number
  /** Bytes passed over while looking for a message start, and bytes the capture did not deliver meanwhile. */
  skippedBytes: number
  /** Outstanding requests forgotten because a connection had too many. */
  overflows: number
}

/** One direction of a connection that can lose its place among the messages. */
export interface Losable {
  isLost: boolean
}

/** Where to read on in `start` to `end` of a half that was lost: at `start` when a message begins there, else nowhere. */
export const resync = (
  half: Losable,
  begins: boolean,
  start: number,
  end: number,
  stats: ParserStats,
): number => {
  if (!begins) {
    stats.skippedBytes += end - start
    return end
  }
  half.isLost = false
  stats.resyncs++
  return start
}

export const makeParserStats = (): ParserStats => ({
  requests: 0,
  responses: 0,
  malformed: 0,
  truncated: 0,
  resyncs: 0,
  skippedBytes: 0,
  overflows: 0,
})
