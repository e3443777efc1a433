// Brings a database to the shape this code knows: carries out the migrations it has not seen, then the configured times to keep and
// the code's lists of names. Safe to run on every start and by several servers at once. Refuses a database that a newer Sonde has
// shaped. On a cluster it is run for each server.

import { createHash } from "node:crypto"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import { ClickHouse, type ClickHouseError } from "../../runtime/clickhouse/ClickHouse.ts"
import { storedTable } from "../cluster.ts"
import { allTables, databases } from "../databases.ts"
import { reloadDictionary } from "../Dictionary.ts"
import { enumDictionaries, enumerationTable, enumRows } from "../enumerations.ts"
import { defaultRetention, type Retention, retentionHours } from "../retention.ts"
import { migrationsTable, stateTable } from "../sondeTables.ts"
import type { Shape } from "../statements.ts"
import { createDatabase, createTable, modifyRetention, qualifiedName } from "../Table.ts"
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

export interface MigrateOptions extends Omit<Shape, "retention"> {
  readonly migrations?: ReadonlyArray<Migration>
}

/** The server's work on a statement is mostly waiting for its disk and single-threaded checks. */
const statementsAtOnce = 4

const stepError = (migration: Migration) => (cause: ClickHouseError) =>
  new MigrationError({
    message: `migration ${migration.version} (${migration.name}) was refused and will be carried out again at the next start: ${cause.message}`,
    cause,
  })

interface Known {
  readonly version: number
  /** Nothing is there yet, not even of a migration that was cut off: what is made now is made as wanted. */
  readonly isEmpty: boolean
  /** Values of `sonde.state` by name. */
  readonly state: ReadonlyMap<string, string>
}

const otherDatabases = databases.map(({ name }) => name).filter((name) => name !== migrationsTable.database)

const readKnown = Effect.gen(function* () {
  const clickhouse = yield* ClickHouse
  yield* clickhouse.command(createDatabase(migrationsTable.database))
  for (const table of [migrationsTable, stateTable]) yield* clickhouse.command(createTable(table, {}))
  const rows = yield* clickhouse.query(
    `SELECT 'version' AS name, toString(max(version)) AS value FROM ${qualifiedName(migrationsTable)}
     UNION ALL SELECT name, value FROM ${qualifiedName(stateTable)} FINAL
     UNION ALL SELECT 'tables', toString(count()) FROM system.tables WHERE database IN {databases:Array(String)}`,
    { databases: otherDatabases },
  )
  const state = new Map(rows.map((row) => [String(row.name), String(row.value)]))
  const known: Known = {
    version: Number(state.get("version") ?? 0),
    isEmpty: state.get("tables") === "0",
    state,
  }
  return known
})

/** Brings one thing in line with `value` unless it was so before. */
const once = Effect.fnUntraced(function* (
  known: Known,
  name: string,
  value: string,
  apply: Effect.Effect<void, ClickHouseError, ClickHouse>,
) {
  if (known.state.get(name) === value) return
  yield* apply
  const clickhouse = yield* ClickHouse
  yield* clickhouse.command(
    `INSERT INTO ${qualifiedName(stateTable)} (name, value) VALUES ({name:String}, {value:String})`,
    { name, value },
  )
})

const record = Effect.fnUntraced(function* (migration: Migration) {
  const clickhouse = yield* ClickHouse
  yield* clickhouse.command(
    `INSERT INTO ${qualifiedName(migrationsTable)} (version, name) VALUES ({version:UInt32}, {name:String})`,
    { version: migration.version, name: migration.name },
  )
})

const carryOut = Effect.fnUntraced(function* (migration: Migration, shape: Shape) {
  const clickhouse = yield* ClickHouse
  for (const stage of migration.stages(shape)) {
    yield* Effect.forEach(stage, (statement) => clickhouse.command(statement), {
      concurrency: statementsAtOnce,
      discard: true,
    })
  }
})

/** The hours of every table: another default counts as a change, too. */
const retentionValue = ({ retention }: Shape): string => JSON.stringify({ ...defaultRetention, ...retention })

/** Alters only what differs. */
const applyRetention = Effect.fnUntraced(function* ({ cluster, retention }: Shape) {
  const clickhouse = yield* ClickHouse
  const rows = yield* clickhouse.query(
    "SELECT database, name, engine_full FROM system.tables WHERE database IN {databases:Array(String)}",
    { databases: [...new Set(allTables.map((table) => table.database))] },
  )
  const engines = new Map(rows.map((row) => [`${row.database}.${row.name}`, String(row.engine_full)]))
  for (const each of allTables) {
    const table = storedTable(each, cluster)
    const hours = retentionHours(table.retention, retention)
    const statement = modifyRetention(table, retention)
    const engine = engines.get(`${table.database}.${table.name}`)
    if (statement === undefined || engine?.includes(`toIntervalHour(${hours}) SETTINGS`)) continue
    yield* clickhouse.command(statement)
    yield* Effect.logInfo(`${qualifiedName(table)} now keeps ${hours} hours`)
  }
})

const enumValue = createHash("sha256").update(JSON.stringify(enumRows)).digest("hex")

const enumKey = (row: Readonly<Record<string, unknown>>): string =>
  JSON.stringify([row.kind, row.tag_name, row.value, row.name, row.description])

/** Writes the names that the database does not have yet. */
const applyEnumerations = Effect.gen(function* () {
  const clickhouse = yield* ClickHouse
  const table = qualifiedName(enumerationTable)
  const found = yield* clickhouse.query(`SELECT kind, tag_name, value, name, description FROM ${table} FINAL`)
  const known = new Set(found.map(enumKey))
  const missing = enumRows.filter((row) => !known.has(enumKey({ ...row })))
  if (missing.length === 0) return
  yield* clickhouse.command(
    `INSERT INTO ${table} (kind, tag_name, value, name, description) FORMAT JSONEachRow\n${missing.map((row) => JSON.stringify(row)).join("\n")}`,
  )
  yield* Effect.forEach(enumDictionaries, (dictionary) => clickhouse.command(reloadDictionary(dictionary)), {
    discard: true,
  })
})

/** Classes of tables that `retention` does not name are kept for their default time. */
export const migrate = Effect.fn("migrate")(function* (
  retention: Partial<Retention>,
  { migrations = allMigrations, ...options }: MigrateOptions = {},
) {
  const shape: Shape = { ...options, retention }
  const known = migrations.at(-1)?.version ?? 0
  const before = yield* readKnown
  const from = before.version
  if (from > known) {
    return yield* new MigrationError({
      message:
        `the database was shaped by a newer Sonde (version ${from} of its tables, this one knows ${known}): ` +
        "start the newer Sonde, or choose another data directory",
    })
  }
  for (const migration of migrations) {
    if (migration.version <= from) continue
    yield* carryOut(migration, shape).pipe(Effect.mapError(stepError(migration)))
    yield* record(migration)
  }
  if (from < known) yield* Effect.logInfo(`database tables brought from version ${from} to ${known}`)
  yield* once(
    before,
    "retention",
    retentionValue(shape),
    before.isEmpty ? Effect.void : applyRetention(shape),
  )
  yield* once(before, "enumerations", enumValue, applyEnumerations)
  const result: MigrationResult = { from, to: known }
  return result
})
