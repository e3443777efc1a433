import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import { describe, expect, it, vi } from "vitest"
import { ClickHouse, type Settings } from "../../runtime/clickhouse/ClickHouse.ts"
import { testEngine } from "../../runtime/clickhouse/testEngine.ts"
import { allDictionaries, allTables, allViews } from "../databases.ts"
import { enumerationTable, enumRows } from "../enumerations.ts"
import { retentionHours } from "../retention.ts"
import { stages } from "../statements.ts"
import { addColumn, qualifiedName } from "../Table.ts"
import { kept, tablesEngine } from "../tables.testing.ts"
import type { Migration } from "./Migration.ts"
import { migrate } from "./migrate.ts"
import { migrations } from "./migrations.ts"

const retention = { log: 72, seconds: 24, minutes: 168 }

/** Each test makes all tables, on machines that have other work to do. */
vi.setConfig({ testTimeout: 30_000 })

const runOn =
  <E2>(engine: Layer.Layer<ClickHouse, E2>) =>
  <A, E>(effect: Effect.Effect<A, E, ClickHouse>): Promise<A> =>
    Effect.runPromise(effect.pipe(Effect.provide(engine), Effect.provide(Logger.layer([]))))

/** On an empty database, and on one that has the tables. */
const run = runOn(testEngine)
const runLater = runOn(tablesEngine())

const rows = (sql: string) => Effect.flatMap(ClickHouse, (clickhouse) => clickhouse.query(sql))
const command = (sql: string, settings: Settings = {}) =>
  Effect.flatMap(ClickHouse, (clickhouse) => clickhouse.command(sql, {}, settings))

const databaseNames = [...new Set(allTables.map(({ database }) => `'${database}'`))].join(", ")

const sorted = <A extends { readonly name: string }>(values: ReadonlyArray<A>): ReadonlyArray<A> =>
  values.toSorted((a, b) => (a.name < b.name ? -1 : 1))

/** Delta's step is the width of what it is used on. */
const widthOf = (type: string): number => (/DateTime64|64/.test(type) ? 8 : 4)

const last = migrations.at(-1)!.version
const step = (version: number, ...statements: ReadonlyArray<string>): Migration => ({
  version,
  name: `step ${version}`,
  stages: () => statements.map((statement) => [statement]),
})

describe("migrate", () => {
  it("makes exactly the tables, dictionaries and views that stand in src/tables", async () => {
    const found = await run(
      Effect.gen(function* () {
        expect(yield* migrate(retention)).toEqual({ from: 0, to: last })
        expect(yield* migrate(retention)).toEqual({ from: last, to: last })
        return {
          columns: yield* rows(
            `SELECT concat(database, '.', table) AS of, groupArray((name, type, default_kind, compression_codec, comment)) AS columns FROM (
               SELECT * FROM system.columns WHERE database IN (${databaseNames}) ORDER BY position
             ) GROUP BY of`,
          ),
          indexes: yield* rows(
            `SELECT concat(database, '.', table) AS of, groupArray(expr) AS columns FROM system.data_skipping_indices
             WHERE database IN (${databaseNames}) GROUP BY of`,
          ),
          tables: yield* rows(
            `SELECT concat(database, '.', name) AS name, engine, sorting_key, primary_key, partition_key, comment FROM system.tables
             WHERE database IN (${databaseNames}) AND engine LIKE '%MergeTree' ORDER BY name`,
          ),
          others: yield* rows(
            `SELECT concat(database, '.', name) AS name FROM system.tables
             WHERE database IN (${databaseNames}) AND engine NOT LIKE '%MergeTree' ORDER BY name`,
          ),
        }
      }),
    )
    const columns = new Map(found.columns.map((row) => [row.of, row.columns]))
    const indexes = new Map(found.indexes.map((row) => [row.of, row.columns]))
    for (const table of allTables) {
      const name = `${table.database}.${table.name}`
      expect(columns.get(name), name).toEqual(
        table.columns.map((one) => [
          one.name,
          one.type,
          one.alias !== undefined ? "ALIAS" : one.default !== undefined ? "DEFAULT" : "",
          one.codec === undefined
            ? ""
            : `CODEC(${one.codec.replace(/^Delta,/, `Delta(${widthOf(one.type)}),`)})`,
          one.comment,
        ]),
      )
      const indexed = table.columns.filter(({ index }) => index !== undefined).map((one) => one.name)
      expect(indexes.get(name) ?? [], name).toEqual(indexed)
    }
    const bare = (key: unknown) =>
      String(key)
        .replaceAll("`", "")
        .replace(/^\((.*)\)$/, "$1")
    expect(
      found.tables.map((row) => ({
        ...row,
        sorting_key: bare(row.sorting_key),
        primary_key: bare(row.primary_key),
      })),
    ).toEqual(
      sorted(
        allTables.map((table) => ({
          name: `${table.database}.${table.name}`,
          engine: table.engine.replace(/\(.*/, ""),
          sorting_key: table.orderBy.join(", "),
          primary_key: (table.primaryKey ?? table.orderBy).join(", "),
          partition_key: table.partitionBy ?? "",
          comment: table.comment,
        })),
      ),
    )
    expect(found.others).toEqual(
      sorted(
        [...allDictionaries, ...allViews].map(({ database, name }) => ({ name: `${database}.${name}` })),
      ),
    )
  })

  it("makes columns, dictionaries and names that can all be read", async () => {
    await runLater(
      Effect.gen(function* () {
        yield* migrate(kept)
        for (const table of allTables) {
          const names = table.columns.map(({ name }) => `\`${name}\``)
          // One row, so that every expression is evaluated.
          yield* command(`INSERT INTO ${qualifiedName(table)} (${names[0]}) SELECT 1 FROM numbers(1)`, {
            insert_null_as_default: 1,
          })
          yield* rows(`SELECT ${names.join(", ")} FROM ${qualifiedName(table)}`)
        }
        for (const dictionary of allDictionaries) {
          yield* command(`SYSTEM RELOAD DICTIONARY ${qualifiedName(dictionary)}`)
          yield* rows(`SELECT * FROM ${qualifiedName(dictionary)}`)
        }
        const [names] = yield* rows(`SELECT count() AS n FROM ${qualifiedName(enumerationTable)} FINAL`)
        expect(names).toEqual({ n: String(enumRows.length + 1) })
      }),
    )
  })

  it("touches nothing at the second start and mends names that have changed", async () => {
    await runLater(
      Effect.gen(function* () {
        yield* migrate(kept)
        const changed = "SELECT max(metadata_modification_time) AS at, count() AS n FROM system.tables"
        const parts = "SELECT count() AS n FROM system.parts WHERE database = 'flow_tag'"
        const before = [yield* rows(changed), yield* rows(parts)]
        yield* Effect.sleep("1100 millis")
        yield* migrate(kept)
        expect([yield* rows(changed), yield* rows(parts)]).toEqual(before)
        const name = rows(
          "SELECT dictGetString('flow_tag.int_enum_map', 'name_en', ('l7_protocol', 20)) AS name",
        )
        // As another version would leave them.
        yield* command("INSERT INTO sonde.state (name, value) VALUES ('enumerations', 'other')")
        yield* command(
          "INSERT INTO flow_tag.enumeration (kind, tag_name, value, name) VALUES ('int', 'l7_protocol', '20', 'old')",
        )
        yield* Effect.sleep("1100 millis")
        yield* migrate(kept)
        expect(yield* name).toEqual([{ name: "HTTP" }])
      }),
    )
  })

  it("goes on where an interrupted migration stopped", async () => {
    const create = step(
      last + 1,
      "CREATE TABLE IF NOT EXISTS sonde.a (x UInt8) ENGINE = MergeTree ORDER BY x",
    )
    const broken = step(
      last + 2,
      "ALTER TABLE sonde.a ADD COLUMN IF NOT EXISTS y UInt8",
      "ALTER TABLE sonde.a ADD COLUMN z NoSuchType",
    )
    const mended = step(
      last + 2,
      "ALTER TABLE sonde.a ADD COLUMN IF NOT EXISTS y UInt8",
      "ALTER TABLE sonde.a ADD COLUMN IF NOT EXISTS z UInt8",
    )
    const result = await run(
      Effect.gen(function* () {
        // The first migration has come half way, with another time to keep.
        const [first, second, third, fourth] = stages({ retention: { log: 1 } })
        for (const statement of [...first!, ...second!, ...third!, ...fourth!.slice(0, 5)])
          yield* command(statement)
        const error = yield* Effect.flip(migrate(retention, { migrations: [...migrations, create, broken] }))
        expect(error).toMatchObject({ _tag: "MigrationError" })
        expect(error.message).toContain(`migration ${last + 2} (step ${last + 2})`)
        expect(yield* migrate(retention, { migrations: [...migrations, create, mended] })).toEqual({
          from: last + 1,
          to: last + 2,
        })
        const [made] = yield* rows(
          `SELECT count() AS n, countIf(engine_full LIKE '%toIntervalHour(1) %') AS late FROM system.tables WHERE database IN (${databaseNames})`,
        )
        expect(made).toEqual({
          n: String(allTables.length + allDictionaries.length + allViews.length + 1),
          late: "0",
        })
        return yield* rows(
          "SELECT name FROM system.columns WHERE database = 'sonde' AND table = 'a' ORDER BY position",
        )
      }),
    )
    expect(result).toEqual([{ name: "x" }, { name: "y" }, { name: "z" }])
  })

  it("refuses a database of a newer version and leaves it alone", async () => {
    await runLater(
      Effect.gen(function* () {
        yield* migrate(kept)
        yield* command(`INSERT INTO sonde.migrations (version, name) VALUES (${last + 5}, 'from the future')`)
        const error = yield* Effect.flip(migrate({ ...kept, log: 1 }))
        expect(error).toMatchObject({ _tag: "MigrationError" })
        expect(error.message).toContain(
          `newer Sonde (version ${last + 5} of its tables, this one knows ${last})`,
        )
        const [table] = yield* rows("SELECT engine_full FROM system.tables WHERE name = 'l7_flow_log'")
        expect(table!.engine_full).toContain("toIntervalHour(87600)")
      }),
    )
  })

  it("follows a changed time to keep in all tables", async () => {
    await runLater(
      Effect.gen(function* () {
        yield* migrate(kept)
        yield* migrate({ ...kept, seconds: 5, days: 90_000 })
        const found = yield* rows(
          `SELECT concat(database, '.', name) AS name, extract(engine_full, 'TTL \\\\w+ . toIntervalHour\\\\((\\\\d+)') AS hours
           FROM system.tables WHERE engine_full LIKE '%TTL%' ORDER BY name`,
        )
        expect(found).toEqual(
          sorted(
            allTables
              .filter((table) => table.retention !== "always")
              .map((table) => ({
                name: `${table.database}.${table.name}`,
                hours: String(retentionHours(table.retention, { ...kept, seconds: 5, days: 90_000 })),
              })),
          ),
        )
      }),
    )
  })

  it("adds a column that a table has got since", async () => {
    const table = allTables.find((one) => one.name === "l7_flow_log")!
    await runLater(
      Effect.gen(function* () {
        yield* migrate(kept)
        yield* command("ALTER TABLE flow_log.l7_flow_log DROP COLUMN is_tls")
        const add = step(last + 1, addColumn(table, "is_tls"))
        yield* migrate(kept, { migrations: [...migrations, add] })
        expect(
          yield* rows("SELECT type FROM system.columns WHERE table = 'l7_flow_log' AND name = 'is_tls'"),
        ).toEqual([{ type: "UInt8" }])
      }),
    )
  })
})
