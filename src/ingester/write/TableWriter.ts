// Stores the batches of agents in their tables. Invariant: `write` succeeds only when every row of the batch is stored or kept as a
// dead letter, and a batch that comes again is not stored again.
//
// One INSERT for each batch and table, with the batch's identity as its token: the token must not depend on what else arrived,
// or a batch that is sent again after a crash would be stored twice. Agents gather rows, and the longer an
// acknowledgement takes the more they gather, so inserts stay few without grouping here.

import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import * as Layer from "effect/Layer"
import * as Semaphore from "effect/Semaphore"
import { ClickHouse, type ClickHouseError } from "../../runtime/clickhouse/ClickHouse.ts"
import { encodeNative } from "../../runtime/clickhouse/native.ts"
import { exposeStats } from "../../runtime/metrics.ts"
import type { BatchTags } from "../enrich/BatchTagger.ts"
import { Enricher } from "../enrich/Enricher.ts"
import { deadLetterTable } from "../../tables/sondeTables.ts"
import { qualifiedName } from "../../tables/Table.ts"
import { Patience } from "./Patience.ts"
import { RecentTokens } from "./RecentTokens.ts"
import { RowIds } from "./RowIds.ts"
import { type TableBlock, tableBlocks } from "./tableBlocks.ts"
import { BatchSink, type ReceivedBatch, WriteError } from "../receive/BatchSink.ts"

/** The same for the same batch, however often it is sent; serves as ClickHouse's deduplication token. */
export const batchToken = ({ agentId, instance, seq, batch }: ReceivedBatch): string =>
  `${agentId}:${instance}:${batch.kind}:${seq}`

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
  /** Rows taken in and not yet stored; further batches wait. Default: 500,000. */
  readonly maxPendingRows?: number
  /** Inserts that run at the same time. Default: 4. */
  readonly concurrency?: number
}

/** Grow only, save `pendingRows`. */
export interface WriterStats {
  rowsStored: number
  batchesStored: number
  /** Batches that were stored before. */
  duplicates: number
  deadLetterBatches: number
  deadLetterRows: number
  pendingRows: number
}

/** How long batches that were taken in may still be stored when the server ends. */
const drainTime = "5 seconds"

export class TableWriter extends Context.Service<
  TableWriter,
  {
    /** Waits for room, stores, and succeeds when the batch may be acknowledged. */
    readonly write: (batch: ReceivedBatch) => Effect.Effect<void, WriteError>
    readonly stats: Readonly<WriterStats>
  }
>()("sonde/ingester/TableWriter") {
  /** Serves the receiver as its sink, too. */
  static readonly layer = (
    options: TableWriterOptions = {},
  ): Layer.Layer<TableWriter | BatchSink, never, ClickHouse | Enricher | Patience> =>
    Layer.effect(
      BatchSink,
      Effect.map(TableWriter, ({ write }) => BatchSink.of({ write })),
    ).pipe(Layer.provideMerge(Layer.effect(TableWriter, make(options))))
}

const make = Effect.fnUntraced(function* (options: TableWriterOptions) {
  const clickhouse = yield* ClickHouse
  const enricher = yield* Enricher
  const patience = yield* Patience
  const maxPendingRows = options.maxPendingRows ?? 500_000
  const room = yield* Semaphore.make(maxPendingRows)
  const inserting = yield* Semaphore.make(options.concurrency ?? 4)
  const seconds = Effect.map(Clock.currentTimeMillis, (ms) => Math.floor(ms / 1_000))
  const ids = new RowIds(options.serverId ?? 1, yield* seconds)
  /** Batches with ids are numbered and inserted one after the other: readers follow the newest id. */
  const numbering = yield* Semaphore.make(1)
  const stored = new RecentTokens()
  const underWay = new Map<string, Deferred.Deferred<void, WriteError>>()
  const stats: WriterStats = {
    rowsStored: 0,
    batchesStored: 0,
    duplicates: 0,
    deadLetterBatches: 0,
    deadLetterRows: 0,
    pendingRows: 0,
  }
  // Made before the finalizer that waits for them, so that they are interrupted after it.
  const fibers = yield* FiberSet.make<void, WriteError>()
  yield* Effect.addFinalizer(() => drained.pipe(Effect.timeoutOption(drainTime)))
  yield* exposeStats("ingester", () => ({
    written_rows_total: stats.rowsStored,
    written_batches_total: stats.batchesStored,
    duplicate_batches_total: stats.duplicates,
    insert_retries_total: patience.retries(),
    dead_letter_batches_total: stats.deadLetterBatches,
    dead_letter_rows_total: stats.deadLetterRows,
    pending_rows: stats.pendingRows,
  }))

  const drained: Effect.Effect<void> = Effect.suspend(() =>
    underWay.size === 0 ? Effect.void : Effect.sleep("20 millis").pipe(Effect.andThen(drained)),
  )

  /** Tries until ClickHouse has taken the block or refused it for what it is. */
  const insert = (block: TableBlock, token: string) =>
    patience.untilTaken(
      inserting.withPermit(
        clickhouse.insertNative(qualifiedName(block.table), block.columns, block.block, {
          dedupToken: token,
        }),
      ),
    )

  const bury = Effect.fnUntraced(function* (block: TableBlock, token: string, error: ClickHouseError) {
    const table = qualifiedName(block.table)
    yield* Effect.logError(
      `ClickHouse refused ${block.rows} rows for ${table}; they are kept in sonde.dead_letter: ${error.message}`,
    )
    const letter = deadLetterBlock(block, token, error)
    const refused = yield* insert(letter, `${token}:${table}`)
    if (refused !== undefined) {
      return yield* new WriteError({
        retriable: false,
        message: `neither ${table} nor sonde.dead_letter take batch ${token}`,
        cause: refused,
      })
    }
    stats.deadLetterBatches++
    stats.deadLetterRows += block.rows
  })

  const store = Effect.fnUntraced(function* (token: string, blocks: ReadonlyArray<TableBlock>) {
    for (const block of blocks) {
      const refused = yield* insert(block, token)
      if (refused === undefined) stats.rowsStored += block.rows
      else yield* bury(block, token, refused)
    }
    stats.batchesStored++
    stored.add(token)
  })

  const encode = (batch: ReceivedBatch, tags: BatchTags, nowSecond: number) =>
    Effect.try({
      try: () => tableBlocks(batch.batch, tags, agentNumber(batch.agentId), ids, nowSecond),
      catch: (cause) =>
        new WriteError({
          retriable: false,
          message: `batch ${batchToken(batch)} is not well formed: ${cause}`,
          cause,
        }),
    })

  const encodeAndStore = Effect.fnUntraced(function* (token: string, batch: ReceivedBatch) {
    const tags = yield* enricher.tag(batch.batch, batch.agentId)
    yield* store(token, yield* encode(batch, tags, yield* seconds))
  })

  /** Goes on when the connection that brought the batch is gone: it was taken in. */
  const begin = Effect.fnUntraced(function* (token: string, batch: ReceivedBatch, permits: number) {
    const done = yield* Deferred.make<void, WriteError>()
    const rows = batch.batch.rows
    underWay.set(token, done)
    stats.pendingRows += rows
    const stored = encodeAndStore(token, batch)
    const work = (batch.batch.kind === "l7" ? numbering.withPermit(stored) : stored).pipe(
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

  return TableWriter.of({ write, stats })
})

const deadLetterBlock = (block: TableBlock, token: string, error: ClickHouseError): TableBlock => {
  const columns = ["table", "batch", "rows", "code", "reason", "block"]
  return {
    table: deadLetterTable,
    rows: 1,
    columns,
    block: encodeNative(1, [
      { name: "table", type: "String", data: [qualifiedName(block.table)] },
      { name: "batch", type: "String", data: [token] },
      { name: "rows", type: "UInt32", data: [block.rows] },
      { name: "code", type: "Int32", data: [error.code] },
      { name: "reason", type: "String", data: [error.message.slice(0, 4_096)] },
      { name: "block", type: "Bytes", data: [block.block] },
    ]),
  }
}
