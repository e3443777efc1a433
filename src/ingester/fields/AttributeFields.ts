// Keeps flow_tag.flow_log_custom_field and _custom_field_value up to date, from which names of attributes and their values are offered:
// what batches had is remembered at once (FieldMemory.ts) and written beside them, some seconds later. No batch waits for it, and
// a database that is away only delays it.

import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Duration from "effect/Duration"
import * as Layer from "effect/Layer"
import type { AnyBatch, ColumnBatch } from "../../model/ColumnBatch.ts"
import { ClickHouse, type Row } from "../../runtime/clickhouse/ClickHouse.ts"
import { encodeNative, type NativeColumn } from "../../runtime/clickhouse/native.ts"
import { exposeStats } from "../../runtime/metrics.ts"
import { supervise } from "../../runtime/supervise.ts"
import { customFieldTable, customFieldValueTable } from "../../tables/fieldTables.ts"
import { l7FlowLog } from "../../tables/l7FlowLog.ts"
import { qualifiedName } from "../../tables/Table.ts"
import {
  defaultFieldLimits,
  type DueFields,
  type Field,
  type FieldLimits,
  FieldMemory,
} from "./FieldMemory.ts"

export interface AttributeFieldsOptions {
  /** How often what is new is written. Default: 10 s. */
  readonly writeEvery?: Duration.Input
  readonly limits?: Partial<FieldLimits>
}

const names = qualifiedName(customFieldTable("flow_log"))
const values = qualifiedName(customFieldValueTable("flow_log"))
const prefix = "attribute."

/** Rows of one insert. */
const rowsMost = 16_384
/** For what is not written yet when the server ends. */
const lastWriteTime = "2 seconds"

const isAttribute = `table = '${l7FlowLog.name}' AND startsWith(field_name, '${prefix}')`
const storedNamesSql = `SELECT field_name AS name, toUnixTimestamp(max(time)) AS seen FROM ${names}
  WHERE ${isAttribute} GROUP BY field_name`
const storedValuesSql = `SELECT field_name AS name, uniq(field_value) AS different FROM ${values}
  WHERE ${isAttribute} GROUP BY field_name`

export class AttributeFields extends Context.Service<
  AttributeFields,
  {
    /** Remembers what the rows of a batch have. */
    readonly see: (batch: AnyBatch, nowSecond: number) => void
  }
>()("sonde/ingester/AttributeFields") {
  static readonly layer = (
    options: AttributeFieldsOptions = {},
  ): Layer.Layer<AttributeFields, never, ClickHouse> => Layer.effect(AttributeFields, make(options))
}

/** Columns of both tables. */
const fieldColumns = (fields: ReadonlyArray<Field>, nowSecond: number): ReadonlyArray<NativeColumn> => {
  const text = (name: string, value: (field: Field) => string): NativeColumn => ({
    name,
    type: "String",
    data: fields.map(value),
  })
  return [
    { name: "time", type: "DateTime", data: new Uint32Array(fields.length).fill(nowSecond) },
    text("table", () => l7FlowLog.name),
    text("field_type", () => "tag"),
    text("field_name", ({ name }) => prefix + name),
    text("field_value_type", () => "string"),
  ]
}

const valueColumns = (due: DueFields["values"], nowSecond: number): ReadonlyArray<NativeColumn> => [
  ...fieldColumns(
    due.map(({ value }) => value.field),
    nowSecond,
  ),
  { name: "field_value", type: "String", data: due.map(({ value }) => value.text) },
  { name: "count", type: "UInt64", data: due.map(({ rows }) => rows) },
]

const nameOf = (row: Row): string => String(row["name"]).slice(prefix.length)

const make = Effect.fnUntraced(function* (options: AttributeFieldsOptions) {
  const clickhouse = yield* ClickHouse
  const memory = new FieldMemory({ ...defaultFieldLimits, ...options.limits })
  const stats = { written: 0, failures: 0, refused: 0 }
  const seconds = Effect.map(Clock.currentTimeMillis, (ms) => Math.floor(ms / 1_000))

  const insert = (table: string, rows: number, columns: ReadonlyArray<NativeColumn>) =>
    rows === 0
      ? Effect.void
      : Effect.andThen(
          clickhouse.insertNative(
            table,
            columns.map(({ name }) => name),
            encodeNative(rows, columns),
          ),
          Effect.sync(() => (stats.written += rows)),
        )

  const write = Effect.gen(function* () {
    const nowSecond = yield* seconds
    memory.forget(nowSecond)
    const due = memory.take(rowsMost, nowSecond)
    yield* insert(names, due.fields.length, fieldColumns(due.fields, nowSecond)).pipe(
      Effect.andThen(insert(values, due.values.length, valueColumns(due.values, nowSecond))),
      Effect.onInterrupt(() => Effect.sync(() => memory.giveBack(due))),
      Effect.catch((error) =>
        Effect.suspend(() => {
          stats.failures++
          if (error.retriable) {
            memory.giveBack(due)
            return Effect.void
          }
          stats.refused += due.fields.length + due.values.length
          return Effect.logError(`ClickHouse refused names or values of attributes: ${error.message}`)
        }),
      ),
    )
  })

  const load = Effect.gen(function* () {
    const different = new Map(
      (yield* clickhouse.query(storedValuesSql)).map((row) => [nameOf(row), Number(row["different"])]),
    )
    for (const row of yield* clickhouse.query(storedNamesSql))
      memory.load(nameOf(row), different.get(nameOf(row)) ?? 0, Number(row["seen"]))
  })

  yield* Effect.addFinalizer(() => Effect.timeoutOption(write, lastWriteTime))
  yield* Effect.forkScoped(
    load.pipe(
      Effect.andThen(write.pipe(Effect.delay(options.writeEvery ?? "10 seconds"), Effect.forever)),
      supervise("server/ingester/fields"),
    ),
  )
  yield* exposeStats("ingester", () => ({
    fields: memory.names,
    field_rows_written_total: stats.written,
    field_rows_refused_total: stats.refused,
    field_write_failures_total: stats.failures,
    field_names_left_out_total: memory.leftOut.names,
    field_values_left_out_total: memory.leftOut.values,
  }))

  return AttributeFields.of({
    see: (batch, nowSecond) => {
      if (batch.kind === "l7" || batch.kind === "span")
        memory.see(batch as ColumnBatch<"l7"> | ColumnBatch<"span">, nowSecond)
    },
  })
})
