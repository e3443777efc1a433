// For tests: a QueryStore on a ClickHouse of its own, in a directory that goes with it, with Sonde's tables.

import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { ClickHouse } from "../../runtime/clickhouse/ClickHouse.ts"
import { reloadDictionary } from "../../tables/Dictionary.ts"
import { resourceDictionary } from "../../tables/tagTables.ts"
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

/** 2033: tags that are in use do not expire. */
const inUse = 2_000_000_000

let nextResource = 1

/** Stores what resource ids mean for rows that name services and processes, and puts the ids into the rows. */
const withResources = Effect.fnUntraced(function* (
  rows: ReadonlyArray<StoredRow>,
  suffixes: ReadonlyArray<string>,
) {
  const resources = new Map<string, StoredRow & { readonly id: number }>()
  const idOf = (service: string, kname: string): number => {
    const key = `${service} ${kname}`
    const known = resources.get(key)
    if (known !== undefined) return known.id
    const id = nextResource++
    resources.set(key, { id, auto_service: service, gprocess: service, process_kname: kname, used: inUse })
    return id
  }
  const replaced = rows.map((row) => {
    const stored: Record<string, string | number | null> = { ...row }
    for (const suffix of suffixes) {
      const service = String(row[`auto_service${suffix}`] ?? "")
      const kname = String(row[`process_kname${suffix}`] ?? "")
      delete stored[`auto_service${suffix}`]
      delete stored[`process_kname${suffix}`]
      if (service !== "") stored[`resource_id${suffix}`] = idOf(service, kname)
    }
    for (const name of ["trace_id", "span_id", "parent_span_id"]) {
      if (row[name] === undefined) continue
      stored[`_${name}_text`] = row[name]
      delete stored[name]
    }
    return stored
  })
  if (resources.size > 0) {
    yield* insert("flow_tag.resource", [...resources.values()])
    const clickHouse = yield* ClickHouse
    yield* clickHouse.command(reloadDictionary(resourceDictionary))
  }
  return replaced
})

/**
 * Columns that are not named have the values of an answered HTTP request on loopback, or ClickHouse's
 * defaults.
 */
export const insertRequests = (rows: ReadonlyArray<StoredRow>) =>
  Effect.flatMap(withResources(rows, ["_0", "_1"]), (stored) =>
    insert(
      "flow_log.l7_flow_log",
      stored.map((row) => ({
        type: 2,
        l7_protocol: 20,
        is_ipv4: 1,
        ip4_0: "127.0.0.1",
        ip4_1: "127.0.0.1",
        ...row,
      })),
    ),
  )

export const insertApplicationSeconds = (rows: ReadonlyArray<StoredRow>) =>
  Effect.flatMap(withResources(rows, [""]), (stored) => insert("flow_metrics.`application.1s`", stored))
