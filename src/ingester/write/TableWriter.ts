// Stores the batches of agents in their tables. Invariant: `write` succeeds only when every row of the batch is stored or kept as a
// dead letter, and a batch that comes again is not stored again. How batches become inserts: GroupInserter.ts.

import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import * as Layer from "effect/Layer"
import * as Semaphore from "effect/Semaphore"
import type { ClickHouse } from "../../runtime/clickhouse/ClickHouse.ts"
import type { ColumnBatch } from "../../model/ColumnBatch.ts"
import { rowKinds } from "../../model/columns.ts"
import { exposeStats } from "../../runtime/metrics.ts"
import { Enricher } from "../enrich/Enricher.ts"
import { AttributeFields } from "../fields/AttributeFields.ts"
import { clipRows, noClipStats } from "./clipRows.ts"
import { filedSeconds, keptAYear, type KeptSeconds, noTimeStats } from "./filedSeconds.ts"
import { type GroupStats, makeGroupInserter } from "./GroupInserter.ts"
import { GroupJournal, type JournalError } from "./GroupJournal.ts"
import { Patience } from "./Patience.ts"
import { RecentTokens } from "./RecentTokens.ts"
import { RowIds } from "./RowIds.ts"
import { makeSampling } from "./Sampling.ts"
import { tableBlocks } from "./tableBlocks.ts"
import { clippedTeller } from "./tellClipped.ts"
import { BatchSink, type ReceivedBatch, WriteError } from "../receive/BatchSink.ts"

/**
 * The same for the same batch, however often it is sent; serves as ClickHouse's deduplication token. One line, whatever an agent
 * calls itself: the journal notes tokens line by line.
 */
export const batchToken = ({ agentId, instance, seq, batch }: ReceivedBatch): string =>
  `${JSON.stringify(agentId).slice(1, -1)}:${instance}:${batch.kind}:${seq}`

/**
 * The number of an agent in `agent_id` columns: a 16-bit hash (FNV-1a) of its name, never 0. Two agents may share a number
 * until the controller gives numbers out.
 */
export const agentNumber = (agentId: string): number => {
  let hash = 0x811c9dc5
  for (let i = 0; i < agentId.length; i++) hash = Math.imul(hash ^ agentId.charCodeAt(i), 0x01000193)
  return ((hash >>> 16) ^ (hash & 0xffff)) & 0xffff || 1
}

export interface TableWriterOptions {
  /** Number of this server in row ids. Default: 1. */
  readonly serverId?: number
  /** Rows taken in and not yet stored; further batches wait. Default: 200,000 (about 100 MB). */
  readonly maxPendingRows?: number
  /** Where groups of batches are kept while they are inserted; without it each batch is an insert of its own. */
  readonly journal?: string
  /** Rows older than this are filed under the time of storing. Default: a year. */
  readonly keptSeconds?: KeptSeconds
  /** Requests stored in a second; of more, some are left out by chance. Default: 0, all are stored. */
  readonly sampleAboveRowsPerSecond?: number
}

/** Grow only, save `pendingRows`. */
export interface WriterStats {
  batchesStored: number
  /** Batches that were stored before. */
  duplicates: number
  pendingRows: number
}

/** How long batches that were taken in may still be stored when the server ends. */
const drainTime = "5 seconds"

type WriterNeeds = ClickHouse | Enricher | AttributeFields | Patience

export class TableWriter extends Context.Service<
  TableWriter,
  {
    /** Waits for room, stores, and succeeds when the batch may be acknowledged. */
    readonly write: (batch: ReceivedBatch) => Effect.Effect<void, WriteError>
    readonly stats: () => Readonly<WriterStats & GroupStats>
  }
>()("sonde/ingester/TableWriter") {
  /** Serves the receiver as its sink, too. */
  static readonly layer = (
    options: TableWriterOptions = {},
  ): Layer.Layer<TableWriter | BatchSink, JournalError | WriteError, WriterNeeds> =>
    Layer.effect(
      BatchSink,
      Effect.map(TableWriter, ({ write }) => BatchSink.of({ write })),
    ).pipe(Layer.provideMerge(Layer.effect(TableWriter, make(options))))
}

const make = Effect.fnUntraced(function* (options: TableWriterOptions) {
  const enricher = yield* Enricher
  const fields = yield* AttributeFields
  const patience = yield* Patience
  const maxPendingRows = options.maxPendingRows ?? 200_000
  const room = yield* Semaphore.make(maxPendingRows)
  const seconds = Effect.map(Clock.currentTimeMillis, (ms) => Math.floor(ms / 1_000))
  const ids = new RowIds(options.serverId ?? 1, yield* seconds)
  const stored = new RecentTokens()
  const clipped = { ...noClipStats(), ...noTimeStats() }
  const tellClipped = clippedTeller(clipped)
  const keptSeconds = options.keptSeconds ?? keptAYear
  const sampler = yield* makeSampling(options.sampleAboveRowsPerSecond ?? 0)
  const underWay = new Map<string, Deferred.Deferred<void, WriteError>>()
  const stats: WriterStats = {
    batchesStored: 0,
    duplicates: 0,
    pendingRows: 0,
  }
  const journal = options.journal === undefined ? undefined : yield* GroupJournal.open(options.journal)
  const inserter = yield* makeGroupInserter(journal)
  for (const token of yield* inserter.recover) stored.add(token)
  for (const kind of Object.keys(rowKinds)) yield* inserter.startLane(kind)
  // Made before the finalizer that waits for them, so that they are interrupted after it.
  const fibers = yield* FiberSet.make<void, WriteError>()
  yield* Effect.addFinalizer(() => drained.pipe(Effect.timeoutOption(drainTime)))
  yield* exposeStats("ingester", () => ({
    written_rows_total: inserter.stats.rowsStored,
    inserts_total: inserter.stats.inserts,
    insert_groups_total: inserter.stats.groups,
    recovered_groups_total: inserter.stats.recoveredGroups,
    written_batches_total: stats.batchesStored,
    duplicate_batches_total: stats.duplicates,
    insert_retries_total: patience.retries(),
    dead_letter_batches_total: inserter.stats.deadLetterBatches,
    dead_letter_rows_total: inserter.stats.deadLetterRows,
    pending_rows: stats.pendingRows,
    sampled_out_rows_total: sampler.leftOut,
    clipped_times_total: clipped.times,
    clipped_intervals_total: clipped.intervals,
    clipped_texts_total: clipped.texts,
    clipped_attributes_total: clipped.attributes,
  }))

  const drained: Effect.Effect<void> = Effect.suspend(() =>
    underWay.size === 0 ? Effect.void : Effect.sleep("20 millis").pipe(Effect.andThen(drained)),
  )

  const notWellFormed = (batch: ReceivedBatch, cause: unknown) =>
    new WriteError({
      retriable: false,
      message: `batch ${batchToken(batch)} is not well formed: ${cause}`,
      cause,
    })

  /** Brings the rows into the form in which they are stored; the seconds they are filed under. */
  const prepare = ({ batch }: ReceivedBatch, nowSecond: number): Uint32Array => {
    if (batch.kind === "l7") sampler.thin(batch as ColumnBatch<"l7">, nowSecond)
    clipRows(batch, clipped)
    return filedSeconds(batch, nowSecond, keptSeconds, clipped)
  }

  const encodeAndStore = Effect.fnUntraced(function* (token: string, batch: ReceivedBatch) {
    const nowSecond = yield* seconds
    const attempt = <A>(work: () => A) =>
      Effect.try({ try: work, catch: (cause) => notWellFormed(batch, cause) })
    const times = yield* attempt(() => prepare(batch, nowSecond))
    yield* tellClipped(batch.agentId)
    const tags = yield* enricher.tag(batch.batch, batch.agentId)
    // Row ids and the place in the order are taken in one go: rows become visible in the order of their ids.
    const storedThen = yield* attempt(() => {
      const blocks = tableBlocks(batch.batch, times, tags, agentNumber(batch.agentId), ids, nowSecond)
      return blocks.length === 0 ? Effect.void : inserter.add(batch.batch.kind, { token, blocks })
    })
    yield* storedThen
    stats.batchesStored++
    stored.add(token)
    fields.see(batch.batch, nowSecond)
  })

  /** Goes on when the connection that brought the batch is gone: it was taken in. */
  const begin = Effect.fnUntraced(function* (token: string, batch: ReceivedBatch, permits: number) {
    const done = yield* Deferred.make<void, WriteError>()
    const rows = batch.batch.rows
    underWay.set(token, done)
    stats.pendingRows += rows
    const work = encodeAndStore(token, batch).pipe(
      Effect.onExit((exit) =>
        Effect.suspend(() => {
          underWay.delete(token)
          stats.pendingRows -= rows
          return room.release(permits).pipe(Effect.andThen(Deferred.done(done, exit)))
        }),
      ),
    )
    yield* FiberSet.run(fibers, work)
    return done
  })

  const write = (batch: ReceivedBatch): Effect.Effect<void, WriteError> =>
    Effect.suspend(() => {
      const token = batchToken(batch)
      if (stored.has(token)) {
        stats.duplicates++
        return Effect.void
      }
      const before = underWay.get(token)
      if (before !== undefined) {
        stats.duplicates++
        return Deferred.await(before)
      }
      const permits = Math.min(Math.max(batch.batch.rows, 1), maxPendingRows)
      return Effect.uninterruptibleMask((restore) =>
        restore(room.take(permits)).pipe(
          Effect.andThen(
            Effect.suspend(() => {
              // The same batch may have come over another connection while this one waited for room.
              const other = stored.has(token) ? undefined : underWay.get(token)
              if (stored.has(token) || other !== undefined) {
                stats.duplicates++
                return room.release(permits).pipe(Effect.as(other))
              }
              return begin(token, batch, permits)
            }),
          ),
          Effect.flatMap((done) => (done === undefined ? Effect.void : restore(Deferred.await(done)))),
        ),
      )
    })

  return TableWriter.of({ write, stats: () => ({ ...stats, ...inserter.stats }) })
})
