// The rows of a trace, from any one of them or from its trace id: round by round by all ids that the rows of the round before carry,
// until nothing new turns up or a limit is reached.

import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type { Row } from "../../../runtime/clickhouse/ClickHouse.ts"
import { rowById } from "../../requests/rowById.ts"
import { QueryStore, type Statement, type StoreError } from "../../store/QueryStore.ts"
import type { Asked } from "../assemble/assembleTrace.ts"
import type { TraceLimits } from "../limits.ts"
import { type SpanRow, spanRow, spanRowColumns } from "../SpanRow.ts"
import type { ReachedLimit, TraceSearch } from "../Trace.ts"
import { Gathered } from "./Gathered.ts"
import { SearchKeys } from "./SearchKeys.ts"
import {
  meanwhileStatement,
  neighbourStatement,
  type SearchRange,
  sharedIdStatement,
  unindexedTraceStatement,
} from "./searchStatements.ts"

export interface FoundRows {
  /** Empty: there is no such row or trace. */
  readonly rows: ReadonlyArray<SpanRow>
  readonly limits: ReadonlyArray<ReachedLimit>
  readonly search: TraceSearch
}

/** Ids of one kind that are followed, and which were not because there were too many. */
class Followed {
  readonly ids = new Set<string>()
  readonly #givenUp = new Set<string>()
  readonly #most: number
  refused = 0

  constructor(most: number) {
    this.#most = most
  }

  /** True when it is new and followed from now on. */
  add(id: string): boolean {
    if (id === "" || this.ids.has(id) || this.#givenUp.has(id)) return false
    if (this.ids.size >= this.#most) {
      this.refused++
      return false
    }
    this.ids.add(id)
    return true
  }

  giveUp(id: string): void {
    this.ids.delete(id)
    this.#givenUp.add(id)
  }
}

const shortened = (id: string): string => (id.length > 64 ? `${id.slice(0, 64)}...` : id)

/** The X-Request-IDs of these that most rows carry. */
const mostShared = (rows: ReadonlyArray<SpanRow>, ids: ReadonlyArray<string>): string | undefined => {
  const counts = new Map(ids.map((id) => [id, 0]))
  for (const { xRequestId0, xRequestId1 } of rows)
    for (const id of new Set([xRequestId0, xRequestId1])) {
      const count = counts.get(id)
      if (count !== undefined) counts.set(id, count + 1)
    }
  return [...counts].toSorted((a, b) => b[1] - a[1]).at(0)?.[0]
}

class TraceSearcher {
  readonly #keys = new SearchKeys()
  readonly #limits: TraceLimits
  readonly #traceIds: Followed
  readonly #xRequestIds: Followed
  readonly #gathered: Gathered
  readonly #reached = new Map<string, ReachedLimit>()
  readonly #ask: (statement: Statement) => Effect.Effect<ReadonlyArray<Row>, StoreError>
  questions = 0
  rowsRead = 0
  rounds = 0

  constructor(
    limits: TraceLimits,
    ask: (statement: Statement) => Effect.Effect<ReadonlyArray<Row>, StoreError>,
  ) {
    this.#limits = limits
    this.#ask = ask
    this.#traceIds = new Followed(limits.traceIds)
    this.#xRequestIds = new Followed(limits.xRequestIds)
    this.#gathered = new Gathered(limits.spans, this.#traceIds.ids, this.#xRequestIds.ids)
  }

  get rows(): ReadonlyArray<SpanRow> {
    return [...this.#gathered.rows.values()]
  }

  get isDone(): boolean {
    return this.#keys.isEmpty || this.#gathered.isFull
  }

  reach(name: ReachedLimit["name"], limit: number, text: string): void {
    this.#reached.set(`${name} ${text}`, { name, limit, text })
  }

  limits(): ReadonlyArray<ReachedLimit> {
    const { spans, traceIds, xRequestIds } = this.#limits
    if (this.#gathered.isFull)
      this.reach("spans", spans, `the trace has ${spans} spans or more; the rest is not shown`)
    if (this.#traceIds.refused > 0)
      this.reach(
        "trace_ids",
        traceIds,
        `spans carry more than ${traceIds} trace ids; the others were not followed`,
      )
    if (this.#xRequestIds.refused > 0)
      this.reach(
        "shared_id",
        xRequestIds,
        `spans carry more than ${xRequestIds} X-Request-IDs; the others were not followed`,
      )
    return [...this.#reached.values()]
  }

  #rows(statement: Statement): Effect.Effect<ReadonlyArray<SpanRow>, StoreError> {
    this.questions++
    return Effect.map(this.#ask(statement), (rows) => {
      this.rowsRead += rows.length
      return rows.map(spanRow)
    })
  }

  /** What taken rows lead to. */
  #follow(rows: ReadonlyArray<SpanRow>): void {
    this.#followCalls(rows)
    for (const { xRequestId0, xRequestId1 } of rows)
      for (const id of [xRequestId0, xRequestId1]) if (this.#xRequestIds.add(id)) this.#keys.addXRequestId(id)
  }

  #followCalls(rows: ReadonlyArray<SpanRow>): void {
    for (const row of rows) {
      this.#keys.addRow(row)
      if (this.#traceIds.add(row.traceId)) this.#keys.addTraceId(row.traceId)
    }
  }

  start(asked: Asked, given: ReadonlyArray<SpanRow>): Effect.Effect<void, StoreError> {
    return Effect.gen({ self: this }, function* () {
      for (const row of given) this.#gathered.take(row)
      this.#follow(given)
      if (given.length > 0) return
      if ("traceId" in asked) {
        this.#traceIds.add(asked.traceId)
        this.#keys.addTraceId(asked.traceId)
        yield* this.round()
        if (this.#gathered.rows.size > 0) return
        const rows = yield* this.#rows(unindexedTraceStatement(asked.traceId, this.#limits.spans))
        this.#follow(this.#gathered.add(rows))
        return
      }
      const found = yield* rowById(asked.rowId, spanRowColumns, (statement) => this.#rows(statement))
      if (found === undefined) return
      this.#gathered.take(found)
      this.#followCalls([found])
      if (found.traceId === "") yield* this.#lookAround()
      this.#follow(this.rows)
    })
  }

  #range(): SearchRange {
    const { rangeSeconds } = this.#limits
    return {
      from: Math.max(0, Math.floor(this.#gathered.startUs / 1e6) - rangeSeconds),
      to: Math.min(2 ** 32 - 1, Math.ceil(this.#gathered.endUs / 1e6) + rangeSeconds),
    }
  }

  /**
   * Takes what belongs to the trace of all that was under way at its time, as long as that makes it longer. X-Request-IDs are not
   * believed here: how many requests share one is known only when it is asked for.
   */
  #lookAround(): Effect.Effect<void, StoreError> {
    return Effect.gen({ self: this }, function* () {
      const { around } = this.#limits
      for (let looked = 0; looked < around.times; looked++) {
        const { endUs, startUs } = this.#gathered
        if (endUs - startUs > around.microseconds) return
        const statement = meanwhileStatement(startUs - around.marginUs, endUs + around.marginUs, around.rows)
        this.#followCalls(this.#gathered.add(yield* this.#rows(statement)))
        const { endUs: newEndUs, startUs: newStartUs } = this.#gathered
        if (newStartUs >= startUs - around.marginUs && newEndUs <= endUs + around.marginUs) return
      }
    })
  }

  round(): Effect.Effect<void, StoreError> {
    return Effect.gen({ self: this }, function* () {
      this.rounds++
      const keys = this.#keys.take()
      const isEmpty = this.#gathered.rows.size === 0
      const range = isEmpty ? undefined : this.#range()
      const { rowsOfXRequestId, spans } = this.#limits
      const shared = sharedIdStatement({ ...keys, xRequestIds: [] }, spans, range)
      const proxied = sharedIdStatement({ ...keys, traceIds: [] }, rowsOfXRequestId, range)
      const near = range === undefined ? undefined : neighbourStatement(keys, spans, range)
      const [byTrace, byXRequestId, neighbours] = yield* Effect.all(
        [shared, proxied, near].map((one) => (one === undefined ? Effect.succeed([]) : this.#rows(one))),
        { concurrency: 3 },
      )
      if (byXRequestId!.length === rowsOfXRequestId) {
        const id = mostShared(byXRequestId!, keys.xRequestIds)
        if (id !== undefined) this.#giveUp(id, keys.xRequestIds)
      }
      this.#follow(this.#gathered.add([...byTrace!, ...neighbours!, ...byXRequestId!]))
    })
  }

  /** An id that is in as many rows is no id of a request. The others of its question are asked for again. */
  #giveUp(id: string, asked: ReadonlyArray<string>): void {
    const most = this.#limits.rowsOfXRequestId
    this.#xRequestIds.giveUp(id)
    this.reach(
      "shared_id",
      most,
      `X-Request-ID ${shortened(id)} is in ${most} requests or more; it was not followed`,
    )
    for (const other of asked) if (other !== id) this.#keys.addXRequestIdAgain(other)
  }
}

/** `given`: rows to begin from, instead of the one that was asked for. `beside` is done with what was found while more is searched for. */
export const searchTrace = Effect.fn("searchTrace")(function* (
  asked: Asked,
  limits: TraceLimits,
  given: ReadonlyArray<SpanRow> = [],
  beside: (rows: ReadonlyArray<SpanRow>) => Effect.Effect<void, StoreError> = () => Effect.void,
) {
  const store = yield* QueryStore
  const beganMs = yield* Clock.currentTimeMillis
  const searcher = new TraceSearcher(limits, store.rows)
  yield* searcher.start(asked, given)
  let milliseconds = (yield* Clock.currentTimeMillis) - beganMs
  while (!searcher.isDone) {
    if (searcher.rounds >= limits.rounds) {
      searcher.reach("rounds", limits.rounds, `more may be found after ${limits.rounds} rounds of searching`)
      break
    }
    if (milliseconds >= limits.milliseconds) {
      searcher.reach(
        "time",
        limits.milliseconds,
        `more may be found after ${limits.milliseconds} ms of searching`,
      )
      break
    }
    yield* Effect.all([searcher.round(), beside(searcher.rows)], { concurrency: 2, discard: true })
    milliseconds = (yield* Clock.currentTimeMillis) - beganMs
  }
  const found: FoundRows = {
    rows: searcher.rows,
    limits: searcher.limits(),
    search: {
      rounds: searcher.rounds,
      questions: searcher.questions,
      rows: searcher.rowsRead,
      milliseconds,
    },
  }
  return found
})
