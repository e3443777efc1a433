import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as ManagedRuntime from "effect/ManagedRuntime"
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest"
import { makeBatch } from "../../model/ColumnBatch.ts"
import { ClickHouse, ClickHouseError } from "../../runtime/clickhouse/ClickHouse.ts"
import { type Stats, StatsRegistry, StatsSources } from "../../runtime/metrics.ts"
import { tablesEngine } from "../../tables/tables.testing.ts"
import { AttributeFields, type AttributeFieldsOptions } from "./AttributeFields.ts"

const names = "flow_tag.flow_log_custom_field"
const values = "flow_tag.flow_log_custom_field_value"

type Attributes = Readonly<Record<string, string>>

const batchOf = (...rows: ReadonlyArray<Attributes>) => {
  const batch = makeBatch("l7", rows.length)
  batch.rows = rows.length
  rows.forEach((attributes, row) => {
    batch.columns.attribute_names[row] = Object.keys(attributes)
    batch.columns.attribute_values[row] = Object.values(attributes)
  })
  return batch
}

const seen = (...rows: ReadonlyArray<Attributes>) =>
  Effect.map(AttributeFields, ({ see }) => see(batchOf(...rows), Math.floor(Date.now() / 1_000)))

describe("AttributeFields", () => {
  const makeRuntime = () => ManagedRuntime.make(tablesEngine().pipe(Layer.provide(Logger.layer([]))))
  let runtime: ReturnType<typeof makeRuntime>
  beforeAll(() => {
    runtime = makeRuntime()
  })
  afterAll(() => runtime.dispose())
  afterEach(async () => {
    for (const table of [names, values])
      await runtime.runPromise(
        Effect.flatMap(ClickHouse, ({ command }) => command(`TRUNCATE TABLE ${table}`)),
      )
  })

  const query = (sql: string) => runtime.runPromise(Effect.flatMap(ClickHouse, (one) => one.query(sql)))
  const nameRows = () =>
    query(`SELECT table, field_type, field_name, field_value_type, now() - max(time) < 60 AS is_fresh FROM ${names}
           GROUP BY ALL ORDER BY ALL`)
  const valueRows = async () =>
    (
      await query(
        `SELECT field_name AS name, field_value AS value, toUInt32(sum(count)) AS rows FROM ${values} GROUP BY ALL ORDER BY ALL`,
      )
    ).map((row) => [row["name"], row["value"], row["rows"]])

  /** One life of a server. What is due when it ends is written then. */
  const life = async (
    work: Effect.Effect<void, unknown, AttributeFields>,
    options: AttributeFieldsOptions = {},
    database: (real: ClickHouse["Service"]) => Partial<ClickHouse["Service"]> = () => ({}),
  ): Promise<Stats> => {
    const registry = new StatsRegistry()
    let stats: Stats = {}
    const changed = Layer.effect(
      ClickHouse,
      Effect.map(ClickHouse, (real) => ClickHouse.of({ ...real, ...database(real) })),
    )
    await runtime.runPromise(
      work.pipe(
        Effect.andThen(Effect.sync(() => (stats = registry.snapshot()))),
        Effect.provide(AttributeFields.layer(options).pipe(Layer.provide(changed))),
        Effect.provideService(StatsSources, registry),
        Effect.provide(Logger.layer([])),
      ),
    )
    return stats
  }

  const until = (isTrue: Effect.Effect<boolean>): Effect.Effect<void> =>
    Effect.flatMap(isTrue, (now) =>
      now ? Effect.void : Effect.sleep(20).pipe(Effect.andThen(Effect.suspend(() => until(isTrue)))),
    )

  it("writes names and values beside the batches", async () => {
    const stats = await life(
      Effect.gen(function* () {
        yield* seen({ user: "anna", page: "1" }, { user: "anna" })
        yield* until(Effect.promise(async () => (await valueRows()).length === 2))
      }),
      { writeEvery: "50 millis" },
    )
    const field = { table: "l7_flow_log", field_type: "tag", field_value_type: "string", is_fresh: 1 }
    expect(await nameRows()).toEqual([
      { ...field, field_name: "attribute.page" },
      { ...field, field_name: "attribute.user" },
    ])
    expect(await valueRows()).toEqual([
      ["attribute.page", "1", 1],
      ["attribute.user", "anna", 2],
    ])
    expect(stats["sonde_ingester_fields"]).toBe(2)
  })

  it("writes what is new when it ends, and goes on from what is stored", async () => {
    const limits = { names: 2, valuesOfName: 3 }
    const ids = ["1", "2", "3"].map((id) => ({ id }))
    await life(seen(...ids, { kind: "x" }), { limits })
    const stats = await life(
      Effect.gen(function* () {
        // Loading runs beside.
        yield* Effect.sleep("300 millis")
        yield* seen({ id: "4" }, { kind: "y" }, { third: "z" })
      }),
      { limits },
    )
    expect((await nameRows()).map((row) => row["field_name"])).toEqual(["attribute.id", "attribute.kind"])
    expect((await valueRows()).map(([, value]) => value)).toEqual(["1", "2", "3", "x", "y"])
    expect(stats).toMatchObject({
      sonde_ingester_field_names_left_out_total: 1,
      sonde_ingester_field_values_left_out_total: 1,
    })
  })

  it("keeps what a database that is away does not take", async () => {
    let isAway = true
    const away = new ClickHouseError({ code: 0, message: "away", retriable: true })
    const stats = await life(
      Effect.gen(function* () {
        yield* seen({ a: "1" })
        yield* Effect.sleep("200 millis")
        isAway = false
        yield* until(Effect.promise(async () => (await valueRows()).length === 1))
      }),
      { writeEvery: "50 millis" },
      (real) => ({
        insertNative: (...args) => (isAway ? Effect.fail(away) : real.insertNative(...args)),
      }),
    )
    expect(await valueRows()).toEqual([["attribute.a", "1", 1]])
    expect(stats["sonde_ingester_field_write_failures_total"]).toBeGreaterThan(0)
    expect(stats["sonde_ingester_field_rows_refused_total"]).toBe(0)
  })

  it("counts what the database refuses, and goes on", async () => {
    const refusal = new ClickHouseError({ code: 16, message: "no such column", retriable: false })
    const stats = await life(
      Effect.gen(function* () {
        yield* seen({ a: "1" })
        yield* Effect.sleep("200 millis")
      }),
      { writeEvery: "50 millis" },
      () => ({ insertNative: () => Effect.fail(refusal) }),
    )
    expect(stats["sonde_ingester_field_rows_refused_total"]).toBe(2)
  })
})
