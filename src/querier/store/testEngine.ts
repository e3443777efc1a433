// For tests: a QueryStore on a ClickHouse of its own, in a directory that goes with it, with Sonde's tables.

import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { ClickHouse } from "../../runtime/clickhouse/ClickHouse.ts"
import { migrate } from "../../tables/migrations/migrate.ts"
import { clickHouseStore } from "./clickHouseStore.ts"

const directory = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "sonde-querier-"))),
  (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true })),
)

const engine = Layer.unwrap(
  Effect.map(directory, (path) => ClickHouse.embedded({ directory: path, memoryMiB: 900 })),
)

/** Ten years: the rows of tests are old. */
const kept = 87_600

const tables = Layer.effectDiscard(migrate({ log: kept, seconds: kept, minutes: kept }))

export const testEngine = clickHouseStore.pipe(Layer.merge(tables), Layer.provideMerge(engine))

type StoredRow = Readonly<Record<string, string | number | null>>

const insert = (table: string, rows: ReadonlyArray<StoredRow>) =>
  Effect.flatMap(ClickHouse, (clickHouse) =>
    clickHouse.command(
      `INSERT INTO ${table} FORMAT JSONEachRow\n${rows.map((row) => JSON.stringify(row)).join("\n")}`,
    ),
  )

/**
 * Columns that are not named have the values of an answered HTTP request on loopback, or ClickHouse's
 * defaults.
 */
export const insertRequests = (rows: ReadonlyArray<StoredRow>) =>
  insert(
    "flow_log.l7_flow_log",
    rows.map((row) => ({
      type: 2,
      l7_protocol: 20,
      is_ipv4: 1,
      ip4_0: "127.0.0.1",
      ip4_1: "127.0.0.1",
      ...row,
    })),
  )

export const insertApplicationSeconds = (rows: ReadonlyArray<StoredRow>) =>
  insert("flow_metrics.`application.1s`", rows)
