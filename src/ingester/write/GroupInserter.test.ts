import { appendFileSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { ClickHouse } from "../../runtime/clickhouse/ClickHouse.ts"
import { encodeNative } from "../../runtime/clickhouse/native.ts"
import { testEngine } from "../../runtime/clickhouse/testEngine.ts"
import { column, createDatabase, createTable, qualifiedName, type Table } from "../../tables/Table.ts"
import { deadLetterTable } from "../../tables/sondeTables.ts"
import { kept } from "../../tables/tables.testing.ts"
import { writtenTableSettings } from "../../tables/columnKinds.ts"
import { type Entry, makeGroupInserter } from "./GroupInserter.ts"
import { type Group, GroupJournal } from "./GroupJournal.ts"
import { Patience } from "./Patience.ts"
import type { TableBlock } from "./tableBlocks.ts"

const table: Table = {
  database: "d",
  name: "t",
  comment: "Numbers",
  engine: "MergeTree",
  orderBy: ["n"],
  retention: "always",
  placement: "node",
  settings: writtenTableSettings,
  columns: [column("n", "UInt32", "Number.")],
}
const twin: Table = { ...table, name: "twin" }

const blockOf = (target: Table, numbers: ReadonlyArray<number>, columns = ["n"]): TableBlock => ({
  table: target,
  rows: numbers.length,
  columns,
  block: encodeNative(
    numbers.length,
    columns.map((name) => ({ name, type: "UInt32", data: numbers })),
  ),
})

const entry = (n: number): Entry => ({
  token: `batch-${n}`,
  blocks: [blockOf(table, [n, n + 1_000]), blockOf(twin, [n])],
})

const run = <A, E>(effect: Effect.Effect<A, E, ClickHouse | Patience>): Promise<A> =>
  Effect.runPromise(
    Effect.gen(function* () {
      const { command } = yield* ClickHouse
      yield* command(createDatabase("d"))
      yield* command(createDatabase("sonde"))
      for (const one of [table, twin, deadLetterTable]) yield* command(createTable(one, kept))
      return yield* effect
    }).pipe(
      Effect.provide(Patience.layer.pipe(Layer.provideMerge(testEngine), Layer.merge(Logger.layer([])))),
    ) as Effect.Effect<A, E>,
  )

const numbersOf = (target: Table) =>
  Effect.flatMap(ClickHouse, ({ query }) =>
    Effect.map(query(`SELECT n FROM ${qualifiedName(target)} ORDER BY n`), (rows) =>
      rows.map((row) => Number(row["n"])),
    ),
  )

const range = (count: number) => [...Array(count).keys()]

describe("GroupInserter", () => {
  let directory: string
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "sonde-journal-"))
  })
  afterEach(() => rmSync(directory, { recursive: true, force: true }))

  const groupFiles = () => readdirSync(directory).filter((name) => !name.startsWith("stored."))

  const open = Effect.suspend(() => GroupJournal.open(directory))

  it("puts what waits into few inserts, stores all of it, and leaves nothing in the journal", async () => {
    const { stats, stored, twins } = await run(
      Effect.gen(function* () {
        const inserter = yield* makeGroupInserter(yield* open)
        yield* inserter.startLane("l7")
        yield* Effect.all(
          range(50).map((n) => inserter.add("l7", entry(n))),
          { concurrency: 50 },
        )
        return { stats: inserter.stats, stored: yield* numbersOf(table), twins: yield* numbersOf(twin) }
      }).pipe(Effect.scoped),
    )
    expect(stored).toEqual([...range(50), ...range(50).map((n) => n + 1_000)])
    expect(twins).toEqual(range(50))
    expect(stats.rowsStored).toBe(150)
    expect(stats.inserts).toBeLessThan(20)
    expect(groupFiles()).toEqual([])
  })

  it("carries out what a killed server left, without doubling what it had done", async () => {
    const group: Group = {
      token: "group:x",
      tables: [table, twin].map((target) => ({
        table: qualifiedName(target),
        columns: ["n"],
        blocks: [1, 2, 3].map((n) => ({
          token: `batch-${n}`,
          rows: 1,
          block: blockOf(target, [n]).block,
        })),
      })),
    }
    const { recovered, stored, twins } = await run(
      Effect.gen(function* () {
        yield* (yield* open).keep(group)
        // Killed between the two tables.
        const { insertNative } = yield* ClickHouse
        const [first] = group.tables
        const blocks = first!.blocks.map(({ block }) => block)
        yield* insertNative(first!.table, first!.columns, blocks, { dedupToken: group.token })
        const inserter = yield* makeGroupInserter(yield* open)
        return {
          recovered: yield* inserter.recover,
          stored: yield* numbersOf(table),
          twins: yield* numbersOf(twin),
        }
      }).pipe(Effect.scoped),
    )
    expect(recovered).toEqual(["batch-1", "batch-2", "batch-3"])
    expect([stored, twins]).toEqual([
      [1, 2, 3],
      [1, 2, 3],
    ])
    expect(groupFiles()).toEqual([])
  })

  it("makes a dead letter of the batch that is to blame, and of no other of its group", async () => {
    const { dead, stats, stored } = await run(
      Effect.gen(function* () {
        const inserter = yield* makeGroupInserter(yield* open)
        const bad: Entry = {
          token: "bad",
          blocks: [{ ...blockOf(table, [7]), block: Buffer.from("not a block at all") }],
        }
        const entries = [entry(1), entry(2), bad, entry(3)]
        // Together in one group: the lane starts when all of them wait.
        const waiting = entries.map((one) => inserter.add("l7", one))
        yield* inserter.startLane("l7")
        yield* Effect.all(waiting, { concurrency: 4 })
        const { query } = yield* ClickHouse
        return {
          stats: inserter.stats,
          stored: yield* numbersOf(table),
          dead: yield* query("SELECT batch, rows FROM sonde.dead_letter"),
        }
      }).pipe(Effect.scoped),
    )
    expect(stored).toEqual([1, 2, 3, 1_001, 1_002, 1_003])
    expect(dead).toEqual([{ batch: "bad", rows: 1 }])
    expect(stats).toMatchObject({ groups: 1, deadLetterBatches: 1, deadLetterRows: 1 })
  })

  it("takes a file that was not written to its end for nothing", async () => {
    writeFileSync(join(directory, "1.group"), Buffer.from([1, 2, 3, 4, 5, 6]))
    writeFileSync(join(directory, "2.group.part"), "x")
    const { damaged, tokens } = await run(
      Effect.gen(function* () {
        const journal = yield* open
        const inserter = yield* makeGroupInserter(journal)
        return { tokens: yield* inserter.recover, damaged: journal.damaged }
      }).pipe(Effect.scoped),
    )
    expect([tokens, damaged]).toEqual([[], 1])
    expect(groupFiles()).toEqual([])
  })

  it("inserts one by one when groups cannot be kept", async () => {
    const { stats, stored } = await run(
      Effect.gen(function* () {
        const inserter = yield* makeGroupInserter(yield* open)
        rmSync(directory, { recursive: true })
        const waiting = [1, 2, 3].map((n) => inserter.add("l7", entry(n)))
        yield* inserter.startLane("l7")
        yield* Effect.all(waiting, { concurrency: 3 })
        return { stats: inserter.stats, stored: yield* numbersOf(table) }
      }).pipe(Effect.scoped),
    )
    expect(stored).toEqual([1, 2, 3, 1_001, 1_002, 1_003])
    expect(stats).toMatchObject({ groups: 0, inserts: 6 })
  })

  it("keeps groups within their limits", async () => {
    const stats = await run(
      Effect.gen(function* () {
        const inserter = yield* makeGroupInserter(yield* open, { rows: 6, bytes: 1_000_000 })
        const waiting = range(8).map((n) => inserter.add("l7", entry(n)))
        yield* inserter.startLane("l7")
        yield* Effect.all(waiting, { concurrency: 8 })
        return inserter.stats
      }).pipe(Effect.scoped),
    )
    // Two batches of three rows each fill a group.
    expect(stats.groups).toBe(4)
  })

  it("knows after a restart what was stored, though nobody could acknowledge it", async () => {
    const known = await run(
      Effect.gen(function* () {
        yield* Effect.scoped(
          Effect.gen(function* () {
            const inserter = yield* makeGroupInserter(yield* open)
            yield* inserter.startLane("l7")
            yield* Effect.all([inserter.add("l7", entry(1)), inserter.add("l7", entry(2))], {
              concurrency: 2,
            })
          }),
        )
        // What a sudden end left of a note.
        appendFileSync(join(directory, "stored.0"), "\nbat")
        return yield* (yield* makeGroupInserter(yield* open)).recover
      }).pipe(Effect.scoped),
    )
    expect(known).toEqual(["batch-1", "batch-2", "bat"])
  })
})
