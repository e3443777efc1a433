import * as Effect from "effect/Effect"
import * as ManagedRuntime from "effect/ManagedRuntime"
import * as fc from "fast-check"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { ClickHouse } from "../runtime/clickhouse/ClickHouse.ts"
import { encodeNative } from "../runtime/clickhouse/native.ts"
import { testEngine } from "../runtime/clickhouse/testEngine.ts"
import { createDatabase, createTable, storedColumns } from "../tables/Table.ts"
import { recordTable } from "../tables/tagTables.ts"
import { resourceKinds } from "./ResourceKind.ts"
import type { ResourceRecord } from "./ResourceRecord.ts"
import { parseRecordRow, recordColumns, recordRow } from "./recordRows.ts"

const runtime = ManagedRuntime.make(testEngine)
const run = <A, E>(effect: Effect.Effect<A, E, ClickHouse>): Promise<A> => runtime.runPromise(effect)

beforeAll(() =>
  run(
    Effect.gen(function* () {
      const clickhouse = yield* ClickHouse
      yield* clickhouse.command(createDatabase("flow_tag"))
      yield* clickhouse.command(createTable(recordTable, {}))
    }),
  ),
)
afterAll(() => runtime.dispose())

const anyText = fc.string({ unit: "grapheme", maxLength: 40 })
const texts = fc.array(anyText, { maxLength: 4 })
const kind = fc.constantFrom(...resourceKinds)
const refs = fc.array(fc.record({ kind, id: fc.integer({ min: 1, max: 2 ** 32 - 1 }) }), { maxLength: 4 })

const anyRecord: fc.Arbitrary<ResourceRecord> = fc.record({
  kind,
  id: fc.integer({ min: 1, max: 2 ** 32 - 1 }),
  domain: anyText,
  uid: anyText,
  name: anyText,
  parents: refs,
  ips: texts,
  macs: texts,
  cidrs: texts,
  containers: texts,
  agents: texts,
  ports: fc.array(
    fc.record({ protocol: fc.integer({ min: 0, max: 255 }), port: fc.integer({ min: 0, max: 65_535 }) }),
    { maxLength: 4 },
  ),
  targets: refs,
  subtype: fc.integer({ min: 0, max: 255 }),
  tags: fc.dictionary(fc.oneof(anyText, fc.constant("__proto__")), anyText, {
    maxKeys: 5,
    noNullPrototype: true,
  }),
  isDeleted: fc.boolean(),
  // Microseconds stay exact until the year 2255.
  changedMs: fc.integer({ min: 0, max: 9_000_000_000_000 }),
  revision: fc.maxSafeNat(),
})

describe("recordRows", () => {
  it("gives the same record back from its row", () => {
    fc.assert(
      fc.property(
        anyRecord,
        (record) => void expect(parseRecordRow({ ...recordRow(record) })).toEqual(record),
      ),
    )
  })

  it("gives the same record back from the database", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(anyRecord, { selector: ({ id }) => id, minLength: 1, maxLength: 20 }),
        async (records) => {
          const rows = await run(
            Effect.gen(function* () {
              const clickhouse = yield* ClickHouse
              yield* clickhouse.command("TRUNCATE TABLE flow_tag.record")
              const columns = recordColumns(records)
              yield* clickhouse.insertNative(
                "flow_tag.record",
                columns.map(({ name }) => name),
                encodeNative(records.length, columns),
              )
              return yield* clickhouse.query("SELECT * FROM flow_tag.record ORDER BY id")
            }),
          )
          expect(rows.map((row) => parseRecordRow(row))).toEqual([...records].sort((a, b) => a.id - b.id))
        },
      ),
      { numRuns: 40 },
    )
  }, 60_000)

  it("writes every column of the table", () => {
    expect(recordColumns([]).map(({ name }) => name)).toEqual(storedColumns(recordTable))
  })

  it("makes nothing of rows that are none, and never throws", () => {
    expect(parseRecordRow({})).toBeUndefined()
    expect(parseRecordRow({ kind: "unheard of", id: 1 })).toBeUndefined()
    expect(parseRecordRow({ kind: "pod", id: 0 })).toBeUndefined()
    const odd = {
      kind: "pod",
      id: 7,
      parent_kinds: ["chost", "x"],
      parent_ids: [1],
      ports: ["6/80", "6", 9],
      ips: "no list",
      changed: "yesterday",
      revision: "18446744073709551615",
    }
    expect(parseRecordRow(odd)).toMatchObject({
      id: 7,
      parents: [{ kind: "chost", id: 1 }],
      ports: [{ protocol: 6, port: 80 }],
      ips: [],
      changedMs: 0,
      revision: 0,
    })
    fc.assert(
      fc.property(fc.dictionary(fc.constantFrom(...storedColumns(recordTable)), fc.anything()), (row) => {
        parseRecordRow(row)
      }),
    )
  })
})
