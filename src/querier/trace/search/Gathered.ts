// The rows of a trace as a search finds them. What a question answers may be a trace's or a stranger's (an id that came again, another
// connection with the same sequence number): a row is taken only when it is related to one that was taken before.

import { causalIds, mayCause, observedPid, type SpanRow, spanKindOf } from "../SpanRow.ts"
import { callKeys } from "../assemble/calls.ts"
import { sameCall } from "../assemble/sameCall.ts"

/** Rows that share an X-Request-ID are of one request only when they are this near. */
const xRequestUs = 600e6

/** Rows of one key that a row is compared with. */
const mostCompared = 64

const causalKeys = (row: SpanRow): ReadonlyArray<string> =>
  row.point === "c-p" || row.point === "s-p"
    ? causalIds(row).map((id) => `${row.agent} ${observedPid(row)} ${id}`)
    : []

const xRequestIdsOf = (row: SpanRow): ReadonlyArray<string> =>
  [row.xRequestId0, row.xRequestId1].filter((id) => id !== "")

export class Gathered {
  readonly rows = new Map<string, SpanRow>()
  /** Found, but nothing taken so far leads to them. */
  readonly #strangers = new Map<string, SpanRow>()
  readonly #most: number
  readonly #traceIds: ReadonlySet<string>
  readonly #xRequestIds: ReadonlySet<string>
  readonly #servers = new Set<string>()
  readonly #causal = new Set<string>()
  readonly #calls = new Map<string, Array<SpanRow>>()
  startUs = Number.POSITIVE_INFINITY
  endUs = Number.NEGATIVE_INFINITY

  /** `traceIds`, `xRequestIds`: those that are followed; the search adds to them. */
  constructor(most: number, traceIds: ReadonlySet<string>, xRequestIds: ReadonlySet<string>) {
    this.#most = most
    this.#traceIds = traceIds
    this.#xRequestIds = xRequestIds
  }

  get isFull(): boolean {
    return this.rows.size >= this.#most
  }

  /** Takes a row whatever it is related to. */
  take(row: SpanRow): void {
    this.#strangers.delete(row.id)
    this.rows.set(row.id, row)
    this.startUs = Math.min(this.startUs, row.startUs)
    this.endUs = Math.max(this.endUs, row.endUs, row.startUs)
    for (const key of causalKeys(row)) {
      this.#causal.add(key)
      if (mayCause(row)) this.#servers.add(key)
    }
    if (spanKindOf(row) === "application") return
    for (const key of callKeys(row)) {
      const known = this.#calls.get(key)
      if (known === undefined) this.#calls.set(key, [row])
      else known.push(row)
    }
  }

  /** Adds what was found; returns the rows that were taken, among them strangers of before. */
  add(found: ReadonlyArray<SpanRow>): ReadonlyArray<SpanRow> {
    for (const row of found) if (!this.rows.has(row.id)) this.#strangers.set(row.id, row)
    const taken: Array<SpanRow> = []
    for (let grows = true; grows;) {
      grows = false
      for (const row of this.#strangers.values()) {
        if (this.isFull) return taken
        if (!this.#isRelated(row)) continue
        this.take(row)
        taken.push(row)
        grows = true
      }
    }
    return taken
  }

  #isRelated(row: SpanRow): boolean {
    if (row.traceId !== "" && this.#traceIds.has(row.traceId)) return true
    if (xRequestIdsOf(row).some((id) => this.#xRequestIds.has(id)) && this.#isNear(row)) return true
    // Calls of one process are related by the request that they are made for, never to each other alone: a loop that polls has no
    // request, and would go on without end.
    const related = mayCause(row) ? this.#causal : this.#servers
    if (causalKeys(row).some((key) => related.has(key))) return true
    if (spanKindOf(row) === "application") return false
    return callKeys(row).some((key) =>
      (this.#calls.get(key) ?? []).slice(-mostCompared).some((other) => sameCall(other, row) !== undefined),
    )
  }

  #isNear(row: SpanRow): boolean {
    return row.startUs <= this.endUs + xRequestUs && row.endUs >= this.startUs - xRequestUs
  }
}
