import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import { describe, expect, it } from "vitest"
import { ClickHouse } from "../../runtime/clickhouse/ClickHouse.ts"
import { testEngine } from "../../runtime/clickhouse/testEngine.ts"
import { allTables } from "../databases.ts"
import { addColumn } from "../Table.ts"
import type { Migration } from "./Migration.ts"
import { migrate } from "./migrate.ts"
import { migrations } from "./migrations.ts"

const retention = { log: 72, seconds: 24, minutes: 168 }

const run = <A, E>(effect: Effect.Effect<A, E, ClickHouse>): Promise<A> =>
  Effect.runPromise(effect.pipe(Effect.provide(Layer.merge(testEngine, Logger.layer([])))))

const rows = (sql: string) => Effect.flatMap(ClickHouse, (clickhouse) => clickhouse.query(sql))
const command = (sql: string) => Effect.flatMap(ClickHouse, (clickhouse) => clickhouse.command(sql))

const last = migrations.at(-1)!.version
const step = (version: number, ...statements: ReadonlyArray<string>): Migration => ({
  version,
  name: `step ${version}`,
  statements: () => statements,
})

describe("migrate", () => {
  it("makes exactly the tables that stand in src/tables", async () => {
    const result = await run(
      Effect.gen(function* () {
        expect(yield* migrate(retention)).toEqual({ from: 0, to: last })
        expect(yield* migrate(retention)).toEqual({ from: last, to: last })
        return yield* rows(
          `SELECT database, table, groupArray((name, type, default_kind)) AS columns FROM (
             SELECT * FROM system.columns WHERE database IN ('sonde', 'flow_log', 'flow_metrics') ORDER BY position
           ) GROUP BY database, table ORDER BY database, table`,
        )
      }),
    )
    const expected = allTables
      .map((table) => ({
        database: table.database,
        table: table.name,
        columns: table.columns.map((one) => [
          one.name,
          one.type,
          one.alias !== undefined ? "ALIAS" : one.default !== undefined ? "DEFAULT" : "",
        ]),
      }))
      .sort((a, b) => (`${a.database}.${a.table}` < `${b.database}.${b.table}` ? -1 : 1))
    expect(result).toEqual(expected)
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
        const error = yield* Effect.flip(migrate(retention, [...migrations, create, broken]))
        expect(error).toMatchObject({ _tag: "MigrationError" })
        expect(error.message).toContain(`migration ${last + 2} (step ${last + 2})`)
        expect(yield* migrate(retention, [...migrations, create, mended])).toEqual({
          from: last + 1,
          to: last + 2,
        })
        return yield* rows(
          "SELECT name FROM system.columns WHERE database = 'sonde' AND table = 'a' ORDER BY position",
        )
      }),
    )
    expect(result).toEqual([{ name: "x" }, { name: "y" }, { name: "z" }])
  })

  it("refuses a database of a newer version and leaves it alone", async () => {
    await run(
      Effect.gen(function* () {
        yield* migrate(retention)
        yield* command(`INSERT INTO sonde.migrations (version, name) VALUES (${last + 5}, 'from the future')`)
        const error = yield* Effect.flip(migrate({ ...retention, log: 1 }))
        expect(error).toMatchObject({ _tag: "MigrationError" })
        expect(error.message).toContain(
          `newer Sonde (version ${last + 5} of its tables, this one knows ${last})`,
        )
        const [table] = yield* rows("SELECT engine_full FROM system.tables WHERE name = 'l7_flow_log'")
        expect(table!.engine_full).toContain("toIntervalHour(72)")
      }),
    )
  })

  it("follows a changed time to keep and leaves other tables alone", async () => {
    await run(
      Effect.gen(function* () {
        yield* migrate(retention)
        yield* migrate({ ...retention, seconds: 5 })
        const found = yield* rows(
          `SELECT database, name, extract(engine_full, 'TTL time . toIntervalHour\\\\((\\\\d+)') AS hours FROM system.tables
           WHERE engine_full LIKE '%TTL%' ORDER BY database, name`,
        )
        expect(found).toEqual([
          { database: "flow_log", name: "l7_flow_log", hours: "72" },
          { database: "flow_metrics", name: "application.1m", hours: "168" },
          { database: "flow_metrics", name: "application.1s", hours: "5" },
          { database: "sonde", name: "dead_letter", hours: "72" },
        ])
      }),
    )
  })

  it("adds a column that a table has got since", async () => {
    const table = allTables.find((one) => one.name === "l7_flow_log")!
    await run(
      Effect.gen(function* () {
        yield* migrate(retention)
        yield* command("ALTER TABLE flow_log.l7_flow_log DROP COLUMN is_tls")
        const add = step(last + 1, addColumn(table, "is_tls"))
        yield* migrate(retention, [...migrations, add])
        expect(
          yield* rows("SELECT type FROM system.columns WHERE table = 'l7_flow_log' AND name = 'is_tls'"),
        ).toEqual([{ type: "UInt8" }])
      }),
    )
  })
})
