// For tests: an engine that has all tables already, copied from one that is made once for this state of the code, since making the
// tables costs a second of CPU; and short ways to ask it.

import { createHash } from "node:crypto"
import { cpSync, existsSync, mkdtempSync, renameSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as ManagedRuntime from "effect/ManagedRuntime"
import { ClickHouse, type Row, type Settings } from "../runtime/clickhouse/ClickHouse.ts"
import type { EmbeddedOptions } from "../runtime/clickhouse/EmbeddedClickHouse.ts"
import { temporaryDirectory } from "../runtime/clickhouse/testEngine.ts"
import { enumRows } from "./enumerations.ts"
import { migrate } from "./migrations/migrate.ts"
import { configuredClasses, type Retention } from "./retention.ts"
import { stages } from "./statements.ts"
import { qualifiedName } from "./Table.ts"

/** Ten years: the rows of tests are old. */
export const kept = Object.fromEntries(configuredClasses.map((one) => [one, 87_600])) as Retention

const templateKey = createHash("sha256")
  .update(JSON.stringify([stages({ retention: kept }), enumRows]))
  .digest("hex")
  .slice(0, 16)

/** The one of the first to be ready stays; the others' work goes. */
const makeTemplate = Effect.fnUntraced(function* (path: string) {
  const directory = mkdtempSync(`${path}-making-`)
  yield* Effect.scoped(
    migrate(kept).pipe(Effect.provide(ClickHouse.embedded({ directory })), Effect.provide(Logger.layer([]))),
  )
  yield* Effect.sync(() => {
    try {
      renameSync(directory, path)
    } catch {
      rmSync(directory, { recursive: true, force: true })
    }
  })
})

/** Rows are kept for ten years. */
export const tablesEngine = (options: Omit<EmbeddedOptions, "directory"> = {}) =>
  Layer.unwrap(
    Effect.gen(function* () {
      const template = join(tmpdir(), `sonde-tables-${templateKey}`)
      if (!existsSync(template)) yield* makeTemplate(template)
      const directory = join(yield* temporaryDirectory, "db")
      cpSync(template, directory, { recursive: true })
      return ClickHouse.embedded({ ...options, directory })
    }),
  )

export interface TestTables {
  readonly query: (sql: string) => Promise<ReadonlyArray<Row>>
  readonly command: (sql: string, settings?: Settings) => Promise<void>
  readonly insert: (
    table: { readonly database: string; readonly name: string },
    rows: ReadonlyArray<object>,
    settings?: Settings,
  ) => Promise<void>
  readonly dispose: () => Promise<void>
}

/** One engine for a file of tests. */
export const testTables = (): TestTables => {
  const runtime = ManagedRuntime.make(tablesEngine().pipe(Layer.provide(Logger.layer([]))))
  const command = (sql: string, settings?: Settings) =>
    runtime.runPromise(Effect.flatMap(ClickHouse, (clickhouse) => clickhouse.command(sql, {}, settings)))
  return {
    query: (sql) => runtime.runPromise(Effect.flatMap(ClickHouse, (clickhouse) => clickhouse.query(sql))),
    command,
    insert: (table, rows, settings) =>
      command(
        `INSERT INTO ${qualifiedName(table)} FORMAT JSONEachRow\n${rows.map((row) => JSON.stringify(row)).join("\n")}`,
        settings,
      ),
    dispose: () => runtime.dispose(),
  }
}
