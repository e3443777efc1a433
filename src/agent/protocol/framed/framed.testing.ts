// For tests of parsers of framed messages: what each of them must keep whatever happens to the bytes of a conversation.

import * as fc from "fast-check"
import { Buffer } from "node:buffer"
import { describe, expect, it } from "vitest"
import { Direction, type Protocol } from "../Protocol.ts"
import { cutAt, damaged, everyCut, noise, play, type Run } from "../transcript.testing.ts"

/** Bytes of a conversation up to which every single cut is tried. */
const maxEveryCut = 1500

const lengthOf = (runs: ReadonlyArray<Run>): number => runs.reduce((sum, run) => sum + run.bytes.length, 0)

/** The first runs of a conversation, as many as `bytes` hold. */
const firstRuns = (runs: ReadonlyArray<Run>, bytes: number): ReadonlyArray<Run> => {
  let length = 0
  return runs.filter((run) => (length += run.bytes.length) <= bytes)
}

const types = (protocol: Protocol, runs: ReadonlyArray<Run>): ReadonlyArray<string> =>
  play(protocol, runs).messages.map(
    (message) => `${message.type} ${message.requestType} ${message.requestId}`,
  )

/** Tests of any parser over `runs`, a conversation without losses. */
export const keepsToFrames = (make: () => Protocol, runs: ReadonlyArray<Run>, maxBuffered: number): void => {
  describe("whatever happens to the bytes", () => {
    it("finds the same messages at every cut", () => {
      const first = firstRuns(runs, maxEveryCut)
      const whole = play(make(), first)
      expect(whole.messages.length).toBeGreaterThan(2)
      for (const cut of everyCut(first)) expect(play(make(), cut).messages).toEqual(whole.messages)
    })

    it("finds the same messages in any pieces, and joined ones", () => {
      const whole = play(make(), runs).messages
      fc.assert(
        fc.property(fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 40 }), (cuts) => {
          const outcome = play(make(), cutAt(runs, cuts))
          expect(outcome.messages).toEqual(whole)
          expect(outcome.maxBuffered).toBeLessThanOrEqual(maxBuffered)
        }),
        { numRuns: 60 },
      )
      const joined: Array<Run> = []
      for (const run of runs) {
        const last = joined.at(-1)
        if (last?.direction !== run.direction) joined.push(run)
        else joined[joined.length - 1] = { ...run, bytes: Buffer.concat([last.bytes, run.bytes]) }
      }
      expect(play(make(), joined).messages).toEqual(whole)
    })

    it("never throws, never loops, stays within its bounds", () => {
      fc.assert(
        fc.property(damaged(runs), (hurt) => {
          expect(play(make(), hurt).maxBuffered).toBeLessThanOrEqual(maxBuffered)
        }),
        { numRuns: 300 },
      )
      fc.assert(
        fc.property(noise, (bytes) => {
          expect(play(make(), bytes).maxBuffered).toBeLessThanOrEqual(maxBuffered)
        }),
        { numRuns: 300 },
      )
      fc.assert(
        fc.property(fc.array(fc.uint8Array({ maxLength: 600 }), { maxLength: 12 }), (pieces) => {
          const both = pieces.map((bytes, i) => ({
            direction: i % 2 === 0 ? Direction.toServer : Direction.toClient,
            bytes,
          }))
          expect(play(make(), [...runs.slice(0, 4), ...both]).maxBuffered).toBeLessThanOrEqual(maxBuffered)
        }),
        { numRuns: 200 },
      )
    })

    it("names the frames of a conversation of which each run is cut behind 256 bytes, and goes on after it", () => {
      const kept = 256
      const cut = runs.map((run) => ({
        ...run,
        bytes: run.bytes.subarray(0, kept),
        missing: Math.max(0, run.bytes.length - kept),
      }))
      if (lengthOf(cut) === lengthOf(runs)) return
      const found = types(make(), cut)
      expect(found.at(-1)).toBe(types(make(), runs).at(-1))
      expect(found.length).toBeGreaterThan(runs.length / 4)
    })

    it("finds the conversation again after any run is lost", () => {
      const whole = types(make(), runs)
      for (let lost = 1; lost < runs.length - 6; lost++) {
        const rest = runs.map((run, i) =>
          i === lost ? { ...run, bytes: run.bytes.subarray(0, 0), missing: run.bytes.length } : run,
        )
        expect(types(make(), rest).at(-1), `run ${lost} lost`).toBe(whole.at(-1))
      }
    })
  })
}
