// Inserts batches in groups: what arrives while one insert is under way goes into the next, because an insert costs the engine 20
// milliseconds however few its rows. Each group goes through the journal, so that it can be repeated word for word by the next life
// of a server that is killed. A group that is refused is taken apart: only the batch that is to blame becomes a dead letter.
// One insert at a time for each kind of batch, in order of arrival.

import { createHash } from "node:crypto"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Latch from "effect/Latch"
import { ClickHouse, type ClickHouseError } from "../../runtime/clickhouse/ClickHouse.ts"
import { encodeNative } from "../../runtime/clickhouse/native.ts"
import { deadLetterTable } from "../../tables/sondeTables.ts"
import { qualifiedName } from "../../tables/Table.ts"
import { WriteError } from "../receive/BatchSink.ts"
import { type Group, type GroupJournal, type GroupTable } from "./GroupJournal.ts"
import { Patience } from "./Patience.ts"
import type { TableBlock } from "./tableBlocks.ts"

/** One encoded batch. */
export interface Entry {
  /** Deduplication token of the batch. */
  readonly token: string
  readonly blocks: ReadonlyArray<TableBlock>
}

export interface GroupStats {
  rowsStored: number
  inserts: number
  groups: number
  deadLetterBatches: number
  deadLetterRows: number
  recoveredGroups: number
}

export interface GroupLimits {
  readonly rows: number
  readonly bytes: number
}

/** About what the engine likes to take at once. */
const defaultLimits: GroupLimits = { rows: 131_072, bytes: 64 * 1_024 * 1_024 }

interface Waiting {
  readonly entry: Entry
  readonly rows: number
  readonly bytes: number
  readonly done: Deferred.Deferred<void, WriteError>
}

interface Lane {
  waiting: Array<Waiting>
  readonly work: Latch.Latch
}

const groupOf = (entries: ReadonlyArray<Entry>): Group => {
  const tables = new Map<
    string,
    { readonly columns: ReadonlyArray<string>; readonly blocks: Array<GroupTable["blocks"][number]> }
  >()
  for (const { blocks, token } of entries) {
    for (const { block, columns, rows, table } of blocks) {
      const name = qualifiedName(table)
      let known = tables.get(name)
      if (known === undefined) tables.set(name, (known = { columns, blocks: [] }))
      known.blocks.push({ token, rows, block })
    }
  }
  const token =
    entries.length === 1
      ? entries[0]!.token
      : `group:${createHash("sha256")
          .update(entries.map((entry) => entry.token).join("\n"))
          .digest("hex")}`
  return { token, tables: [...tables].map(([table, { blocks, columns }]) => ({ table, columns, blocks })) }
}

const rowsOf = ({ blocks }: GroupTable): number => blocks.reduce((sum, { rows }) => sum + rows, 0)

export const makeGroupInserter = Effect.fnUntraced(function* (
  journal: GroupJournal | undefined,
  limits: GroupLimits = defaultLimits,
) {
  const clickhouse = yield* ClickHouse
  const patience = yield* Patience
  const stats: GroupStats = {
    rowsStored: 0,
    inserts: 0,
    groups: 0,
    deadLetterBatches: 0,
    deadLetterRows: 0,
    recoveredGroups: 0,
  }

  /** Tries until ClickHouse has taken the rows or refused them for what they are. */
  const insert = ({ blocks, columns, table }: GroupTable, token: string) =>
    patience.untilTaken(
      Effect.suspend(() => {
        stats.inserts++
        return clickhouse.insertNative(
          table,
          columns,
          blocks.map(({ block }) => block),
          { dedupToken: token },
        )
      }),
    )

  const bury = Effect.fnUntraced(function* (rows: GroupTable, token: string, error: ClickHouseError) {
    const count = rowsOf(rows)
    yield* Effect.logError(
      `ClickHouse refused ${count} rows for ${rows.table}; they are kept in sonde.dead_letter: ${error.message}`,
    )
    const refused = yield* insert(deadLetter(rows, token, error), `${token}:${rows.table}`)
    if (refused !== undefined) {
      return yield* new WriteError({
        retriable: false,
        message: `neither ${rows.table} nor sonde.dead_letter take batch ${token}`,
        cause: refused,
      })
    }
    stats.deadLetterBatches++
    stats.deadLetterRows += count
  })

  const storeRows = (rows: GroupTable, token: string): Effect.Effect<void, WriteError> =>
    Effect.gen(function* () {
      const refused = yield* insert(rows, token)
      if (refused === undefined) {
        stats.rowsStored += rowsOf(rows)
        return
      }
      if (rows.blocks.length === 1) return yield* bury(rows, rows.blocks[0]!.token, refused)
      for (const block of rows.blocks) yield* storeRows({ ...rows, blocks: [block] }, block.token)
    })

  const store = (group: Group): Effect.Effect<void, WriteError> =>
    Effect.forEach(group.tables, (rows) => storeRows(rows, group.token), { discard: true })

  let toldOfJournal = false
  const storeTogether = (
    kept: GroupJournal,
    group: Group,
    one: (at: number) => Effect.Effect<void, WriteError>,
    count: number,
  ) =>
    kept.keep(group).pipe(
      Effect.matchEffect({
        onSuccess: (name) => {
          stats.groups++
          // Interrupted, it is carried out by the next life.
          return Effect.onExit(store(group), (exit) =>
            Exit.hasInterrupts(exit) ? Effect.void : kept.finish(name, group),
          )
        },
        // Without it each batch still goes by itself.
        onFailure: (error) =>
          Effect.gen(function* () {
            if (!toldOfJournal) yield* Effect.logWarning(`${error.message}; batches are inserted one by one`)
            toldOfJournal = true
            for (let at = 0; at < count; at++) yield* one(at)
          }),
      }),
    )

  const takeGroup = (lane: Lane): ReadonlyArray<Waiting> => {
    const most = journal === undefined ? 1 : lane.waiting.length
    let count = 0
    let rows = 0
    let bytes = 0
    while (count < most) {
      const next = lane.waiting[count]!
      rows += next.rows
      bytes += next.bytes
      if (count > 0 && (rows > limits.rows || bytes > limits.bytes)) break
      count++
    }
    const taken = lane.waiting.slice(0, count)
    lane.waiting = lane.waiting.slice(count)
    return taken
  }

  const carryOut = (taken: ReadonlyArray<Waiting>) => {
    const single = (at: number) => store(groupOf([taken[at]!.entry]))
    // A batch alone goes through the journal, too: after a crash it may come again in company, whose token is another.
    const work =
      journal === undefined
        ? single(0)
        : storeTogether(journal, groupOf(taken.map(({ entry }) => entry)), single, taken.length)
    return Effect.flatMap(Effect.exit(work), (exit) =>
      Effect.forEach(taken, ({ done }) => Deferred.done(done, exit), { discard: true }),
    )
  }

  const lanes = new Map<string, Lane>()
  const scope = yield* Effect.scope
  const laneOf = (kind: string): Lane => {
    const known = lanes.get(kind)
    if (known !== undefined) return known
    const lane: Lane = { waiting: [], work: Latch.makeUnsafe(false) }
    lanes.set(kind, lane)
    return lane
  }

  const run = (lane: Lane): Effect.Effect<never> =>
    Effect.forever(
      Effect.gen(function* () {
        if (lane.waiting.length === 0) {
          lane.work.closeUnsafe()
          yield* lane.work.await
        }
        yield* carryOut(takeGroup(lane))
      }),
    )

  const startLane = (kind: string) => Effect.forkIn(run(laneOf(kind)), scope)

  /** Carries out what an earlier life left; the tokens of all batches that are known to be stored then. */
  const recover = Effect.gen(function* () {
    if (journal === undefined) return []
    for (const { name, read } of journal.left()) {
      const group = yield* read
      if (group === undefined) yield* journal.discard(name)
      else {
        yield* store(group)
        yield* journal.finish(name, group)
        stats.recoveredGroups++
      }
    }
    if (stats.recoveredGroups > 0)
      yield* Effect.logInfo(`${stats.recoveredGroups} groups that a sudden end left on their way are stored`)
    return journal.storedBatches()
  })

  return {
    stats,
    recover,
    startLane,
    /** Takes its place in the order at once; the effect completes when the batch is stored. */
    add: (kind: string, entry: Entry): Effect.Effect<void, WriteError> => {
      const done = Deferred.makeUnsafe<void, WriteError>()
      const lane = laneOf(kind)
      lane.waiting.push({
        entry,
        rows: entry.blocks.reduce((sum, { rows }) => sum + rows, 0),
        bytes: entry.blocks.reduce((sum, { block }) => sum + block.length, 0),
        done,
      })
      lane.work.openUnsafe()
      return Deferred.await(done)
    },
  }
})

const deadLetter = (rows: GroupTable, token: string, error: ClickHouseError): GroupTable => ({
  table: qualifiedName(deadLetterTable),
  columns: ["table", "batch", "rows", "code", "reason", "block"],
  blocks: [
    {
      token,
      rows: 1,
      block: encodeNative(1, [
        { name: "table", type: "String", data: [rows.table] },
        { name: "batch", type: "String", data: [token] },
        { name: "rows", type: "UInt32", data: [rowsOf(rows)] },
        { name: "code", type: "Int32", data: [error.code] },
        { name: "reason", type: "String", data: [error.message.slice(0, 4_096)] },
        { name: "block", type: "Bytes", data: [rows.blocks[0]!.block] },
      ]),
    },
  ],
})
