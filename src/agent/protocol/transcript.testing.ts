// For parser tests: a conversation as runs of bytes of both sides, fed to a parser whole, split or damaged.

import * as fc from "fast-check"
import { Buffer } from "node:buffer"
import type { L7Message } from "../../model/L7Session.ts"
import { type ConnectionParser, Direction, type Protocol } from "./Protocol.ts"

export interface Run {
  readonly direction: Direction
  readonly bytes: Uint8Array
  readonly missing?: number
}

export const fromClient = (text: string, missing = 0): Run => ({
  direction: Direction.toServer,
  bytes: Buffer.from(text, "latin1"),
  missing,
})

export const fromServer = (text: string, missing = 0): Run => ({
  direction: Direction.toClient,
  bytes: Buffer.from(text, "latin1"),
  missing,
})

/** What the client sends in one piece. */
export const client = (...frames: ReadonlyArray<Uint8Array>): Run => ({
  direction: Direction.toServer,
  bytes: Buffer.concat(frames),
})

/** What the server sends in one piece. */
export const server = (...frames: ReadonlyArray<Uint8Array>): Run => ({
  direction: Direction.toClient,
  bytes: Buffer.concat(frames),
})

/** A recorded conversation: who sent which bytes (in base64). */
export const fromRecording = (
  entries: ReadonlyArray<readonly [sender: "client" | "server", base64: string]>,
): ReadonlyArray<Run> =>
  entries.map(([sender, base64]) => ({
    direction: sender === "client" ? Direction.toServer : Direction.toClient,
    bytes: Buffer.from(base64, "base64"),
    missing: 0,
  }))

export interface Outcome {
  readonly messages: ReadonlyArray<L7Message>
  readonly hasLeft: boolean
  readonly desyncs: ReadonlyArray<Direction>
  readonly maxBuffered: number
}

/** Feeds the runs, each in the middle of a larger buffer as the capture would, at time 1 us, 2 us... or all at 1 us. */
export const play = (
  protocol: Protocol,
  runs: ReadonlyArray<Run>,
  options = { ticks: false, close: true },
): Outcome => {
  const messages: Array<L7Message> = []
  const desyncs: Array<Direction> = []
  let hasLeft = false
  const parser: ConnectionParser = protocol.connection({
    message: (message) => messages.push(message),
    leave: () => (hasLeft = true),
    desync: (direction) => desyncs.push(direction),
  })
  let maxBuffered = 0
  let timeUs = 1
  const area = new Uint8Array(300_000)
  for (const { direction, bytes, missing } of runs) {
    area.fill(0x2a)
    area.set(bytes, 7)
    parser.feed(direction, area, 7, 7 + bytes.length, missing ?? 0, timeUs, 0)
    maxBuffered = Math.max(maxBuffered, (parser as unknown as { bufferedBytes: number }).bufferedBytes)
    if (options.ticks) timeUs++
  }
  if (options.close) parser.close(timeUs)
  return { messages, hasLeft, desyncs, maxBuffered }
}

/** The same runs, each cut into pieces where `cuts` (0..1, shares of the whole) fall. */
export const cutAt = (runs: ReadonlyArray<Run>, cuts: ReadonlyArray<number>): ReadonlyArray<Run> => {
  const total = runs.reduce((sum, run) => sum + run.bytes.length, 0)
  const positions = cuts.map((cut) => Math.floor(cut * total)).sort((a, b) => a - b)
  const pieces: Array<Run> = []
  let offset = 0
  for (const run of runs) {
    let from = 0
    for (const position of positions) {
      const at = position - offset
      if (at <= from || at >= run.bytes.length) continue
      pieces.push({ direction: run.direction, bytes: run.bytes.subarray(from, at) })
      from = at
    }
    pieces.push({ ...run, bytes: run.bytes.subarray(from) })
    offset += run.bytes.length
  }
  return pieces
}

/** Every way to cut the runs in two, and the cut into single bytes. */
export const everyCut = (runs: ReadonlyArray<Run>): ReadonlyArray<ReadonlyArray<Run>> => {
  const total = runs.reduce((sum, run) => sum + run.bytes.length, 0)
  const ways = Array.from({ length: total }, (_, i) => cutAt(runs, [(i + 0.5) / total]))
  return [
    ...ways,
    cutAt(
      runs,
      Array.from({ length: total }, (_, i) => (i + 0.5) / total),
    ),
  ]
}

/** Runs with bytes changed, dropped and repeated, and with bytes missing after them. */
export const damaged = (runs: ReadonlyArray<Run>): fc.Arbitrary<ReadonlyArray<Run>> =>
  fc
    .array(
      fc.record({
        run: fc.nat(),
        at: fc.nat(),
        kind: fc.constantFrom("change", "cut", "repeat", "missing", "insert"),
        value: fc.integer({ min: 0, max: 255 }),
        count: fc.integer({ min: 0, max: 100_000 }),
      }),
      { minLength: 1, maxLength: 8 },
    )
    .map((damages) => {
      const result = runs.map((run) => ({ ...run }))
      for (const { run, at, kind, value, count } of damages) {
        const target = result[run % result.length]
        const position = target.bytes.length === 0 ? 0 : at % target.bytes.length
        const bytes = Buffer.from(target.bytes)
        if (kind === "change" && bytes.length > 0) bytes[position] = value
        const before = bytes.subarray(0, position)
        const after = bytes.subarray(position)
        if (kind === "insert")
          target.bytes = Buffer.concat([before, Buffer.alloc((value % 16) + 1, value), after])
        else if (kind === "cut" || kind === "missing") target.bytes = before
        else target.bytes = bytes
        if (kind === "missing") target.missing = count
        if (kind === "repeat") result.push({ ...target })
      }
      return result
    })

/** Any bytes at all, in both directions. */
export const noise: fc.Arbitrary<ReadonlyArray<Run>> = fc.array(
  fc.record({
    direction: fc.constantFrom(Direction.toServer, Direction.toClient),
    bytes: fc.oneof(
      fc.uint8Array({ maxLength: 300 }),
      fc
        .array(fc.constantFrom(..."GET / HTTP/1.1\r\n:*$-+%0129af?;.~|>!=_#,(".split("")), { maxLength: 120 })
        .map((characters) => Buffer.from(characters.join(""), "latin1") as Uint8Array),
    ),
    missing: fc.oneof(fc.constant(0), fc.nat({ max: 1_000_000 })),
  }),
  { maxLength: 12 },
)
