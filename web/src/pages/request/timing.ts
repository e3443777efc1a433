// Who saw a request when: lanes of one diagram, and how the client's wait divides into server and way. Pure.

import type { RequestRow } from "../../api/contract.ts"
import { pointRank } from "../../parts/points.ts"

export interface Lane {
  readonly row: RequestRow
  /** Microseconds after the diagram's start. */
  readonly start: number
  readonly firstAnswer: number
  readonly end: number
}

export interface Timing {
  readonly lanes: ReadonlyArray<Lane>
  readonly startUs: number
  /** Length of the diagram in microseconds, at least 1. */
  readonly lengthUs: number
  /** What the client waited and the server did not work: undefined unless both saw the answer. */
  readonly wayUs: number | undefined
  readonly clientUs: number | undefined
  readonly serverUs: number | undefined
}

const isClient = (row: RequestRow): boolean => row.point === "c-p"
const isServer = (row: RequestRow): boolean => row.point === "s-p"

/** A request without an answer has no duration. */
const answered = (row: RequestRow | undefined): number | undefined =>
  row === undefined || row.durationUs === 0 ? undefined : row.durationUs

export const timingOf = (rows: ReadonlyArray<RequestRow>): Timing => {
  const ordered = rows.toSorted((a, b) => pointRank(a.point) - pointRank(b.point) || a.startUs - b.startUs)
  const startUs = Math.min(...ordered.map((row) => row.startUs))
  const lanes = ordered.map((row) => {
    const start = row.startUs - startUs
    const firstAnswer = start + row.durationUs
    return { row, start, firstAnswer, end: Math.max(firstAnswer, row.endUs - startUs) }
  })
  const clientUs = answered(ordered.find(isClient))
  const serverUs = answered(ordered.find(isServer))
  return {
    lanes,
    startUs,
    lengthUs: Math.max(1, ...lanes.map((lane) => lane.end)),
    clientUs,
    serverUs,
    // Clocks of two hosts, or an answer read late, may make it negative: then there is nothing to say.
    wayUs:
      clientUs === undefined || serverUs === undefined || clientUs < serverUs
        ? undefined
        : clientUs - serverUs,
  }
}
