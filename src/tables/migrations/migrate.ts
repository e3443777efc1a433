// Brings a database to the shape this code knows: carries out the migrations it has not seen, then the configured times to keep.
// Safe to run on every start and by several servers at once. Refuses a database that a newer Sonde has shaped.

import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import { ClickHouse, type ClickHouseError } from "../../runtime/clickhouse/ClickHouse.ts"
import { allTables } from "../databases.ts"
import { migrationsTable } from "../sondeTables.ts"
import {
  createDatabase,
  createTable,
  modifyRetention,
  qualifiedName,
  type Retention,
  retentionHours,
} from "../Table.ts"
import type { Migration } from "./Migration.ts"
import { migrations as allMigrations } from "./migrations.ts"

export class MigrationError extends Data.TaggedError("MigrationError")<{
  readonly message: string
  readonly cause?: unknown
}> {}

export interface MigrationResult {
  readonly from: number
  readonly to: number
}

const stepError = (migration: Migration) => (cause: ClickHouseError) =>
  new MigrationError({
    message: `migration ${migration.version} (${migration.name}) was refused and will be carried out again at the next start: ${cause.message}`,
    cause,
  })

const readVersion = Effect.gen(function* () {
  const clickhouse = yield* ClickHouse
  yield* clickhouse.command(createDatabase(migrationsTable.database))
  yield* clickhouse.command(createTable(migrationsTable, { log: 0, seconds: 0, minutes: 0 }))
  const rows = yield* clickhouse.query(
    `SELECT max(version) AS version FROM ${qualifiedName(migrationsTable)}`,
  )
  return Number(rows[0]?.version ?? 0)
})

const record = Effect.fnUntraced(function* (migration: Migration) {
  const clickhouse = yield* ClickHouse
  yield* clickhouse.command(
    `INSERT INTO ${qualifiedName(migrationsTable)} (version, name) VALUES ({version:UInt32}, {name:String})`,
    { version: migration.version, name: migration.name },
  )
})

/** Alters only what differs, so that a start without a change touches no table. */
const applyRetention = Effect.fnUntraced(function* (retention: Retention) {
  const clickhouse = yield* ClickHouse
  const rows = yield* clickhouse.query(
    "SELECT database, name, engine_full FROM system.tables WHERE database IN {databases:Array(String)}",
    { databases: [...new Set(allTables.map((table) => table.database))] },
  )
  const engines = new Map(rows.map((row) => [`${row.database}.${row.name}`, String(row.engine_full)]))
  for (const table of allTables) {
    const wanted = `toIntervalHour(${retentionHours(table, retention)}) SETTINGS`
    const statement = modifyRetention(table, retention)
    if (statement === undefined || engines.get(`${table.database}.${table.name}`)?.includes(wanted)) continue
    yield* clickhouse.command(statement)
    yield* Effect.logInfo(`${qualifiedName(table)} now keeps ${retentionHours(table, retention)} hours`)
  }
})

export const migrate = Effect.fn("migrate")(function* (
  retention: Retention,
  migrations: ReadonlyArray<Migration> = allMigrations,
) {
  const clickhouse = yield* ClickHouse
  const known = migrations.at(-1)?.version ?? 0
  const from = yield* readVersion
  if (from > known) {
    return yield* new MigrationError({
      message:
        `the database was shaped by a newer Sonde (version ${from} of its tables, this one knows ${known}): ` +
        "start the newer Sonde, or choose another data directory",
    })
  }
  for (const migration of migrations) {
    if (migration.version <= from) continue
    for (const statement of migration.statements(retention)) {
      yield* clickhouse.command(statement).pipe(Effect.mapError(stepError(migration)))
    }
    yield* record(migration)
  }
  if (from < known) yield* Effect.logInfo(`database tables brought from version ${from} to ${known}`)
  yield* applyRetention(retention)
  const result: MigrationResult = { from, to: known }
  return result
})
