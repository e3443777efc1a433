import * as Effect from "effect/Effect"
import * as ManagedRuntime from "effect/ManagedRuntime"
import * as fc from "fast-check"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { ClickHouse } from "./ClickHouse.ts"
import { encodeNative, type NativeColumn } from "./native.ts"
import { testEngine } from "./testEngine.ts"

const runtime = ManagedRuntime.make(testEngine)
const run = <A, E>(effect: Effect.Effect<A, E, ClickHouse>): Promise<A> => runtime.runPromise(effect)

const tableColumns = [
  "row UInt32",
  "u8 UInt8",
  "u16 UInt16",
  "u32 UInt32",
  "i32 Int32",
  "u64 UInt64",
  "i64 Int64",
  "f64 Float64",
  "time DateTime",
  "micros DateTime64(6)",
  "ip4 IPv4",
  "ip6 IPv6",
  "text String",
  "low LowCardinality(String)",
  "list Array(LowCardinality(String))",
  "maybe Nullable(Int64)",
  "code Nullable(Int32)",
]

beforeAll(async () => {
  await run(
    Effect.gen(function* () {
      const clickhouse = yield* ClickHouse
      yield* clickhouse.command("CREATE DATABASE t ENGINE = Atomic")
      yield* clickhouse.command(
        `CREATE TABLE t.all (${tableColumns.join(", ")}) ENGINE = MergeTree ORDER BY row`,
      )
    }),
  )
})
afterAll(() => runtime.dispose())

const integer = (min: number, max: number) => fc.integer({ min, max })
const unsigned = (bits: number) => integer(0, 2 ** bits - 1)
// ClickHouse keeps any bytes, JSON only whole characters.
const anyText = fc.oneof(
  fc.string({ unit: "grapheme", maxLength: 70 }),
  fc.string({ unit: "grapheme-ascii", maxLength: 300 }),
)

const rowOf = fc.record({
  u8: unsigned(8),
  u16: unsigned(16),
  u32: unsigned(32),
  i32: integer(-(2 ** 31), 2 ** 31 - 1),
  u64: fc.maxSafeNat(),
  i64: fc.maxSafeInteger(),
  f64: fc.double({ noNaN: true, noDefaultInfinity: true }),
  time: unsigned(32),
  micros: integer(0, 4_000_000_000_000_000),
  ip4: unsigned(32),
  ip6: fc.uint8Array({ minLength: 16, maxLength: 16 }),
  text: anyText,
  low: anyText,
  list: fc.array(anyText, { maxLength: 4 }),
  maybe: fc.oneof(fc.constant(-1), fc.nat()),
  code: fc.oneof(fc.constant(-32768), integer(-1000, 1000)),
})

type TestRow = typeof rowOf extends fc.Arbitrary<infer T> ? T : never

const columnsOf = (rows: ReadonlyArray<TestRow>): ReadonlyArray<NativeColumn> => {
  const ip6 = new Uint8Array(rows.length * 16)
  rows.forEach((row, i) => ip6.set(row.ip6, i * 16))
  const numbers = (name: keyof TestRow) => Float64Array.from(rows, (row) => row[name] as number)
  return [
    { name: "row", type: "UInt32", data: rows.map((_, i) => i) },
    { name: "u8", type: "UInt8", data: Uint8Array.from(rows, (row) => row.u8) },
    { name: "u16", type: "UInt16", data: Uint16Array.from(rows, (row) => row.u16) },
    { name: "u32", type: "UInt32", data: numbers("u32") },
    { name: "i32", type: "Int32", data: Int32Array.from(rows, (row) => row.i32) },
    { name: "u64", type: "UInt64", data: numbers("u64") },
    { name: "i64", type: "Int64", data: numbers("i64") },
    { name: "f64", type: "Float64", data: numbers("f64") },
    { name: "time", type: "DateTime", data: numbers("time") },
    { name: "micros", type: "DateTime64(6)", data: numbers("micros") },
    { name: "ip4", type: "IPv4", data: Uint32Array.from(rows, (row) => row.ip4) },
    { name: "ip6", type: "IPv6", data: ip6 },
    { name: "text", type: "String", data: rows.map((row) => row.text) },
    { name: "low", type: "String", data: rows.map((row) => row.low) },
    { name: "list", type: "Array(String)", data: rows.map((row) => row.list) },
    { name: "maybe", type: "Nullable(Int64)", data: numbers("maybe"), absent: -1 },
    { name: "code", type: "Nullable(Int32)", data: numbers("code"), absent: -32768 },
  ]
}

const readBack = `SELECT u8, u16, u32, i32, u64, i64, f64, toUInt32(time) AS time, toUnixTimestamp64Micro(micros) AS micros,
  toUInt32(ip4) AS ip4, lower(hex(ip6)) AS ip6, text, low, list, maybe, code FROM t.all ORDER BY row`

const expected = (row: TestRow) => ({
  ...row,
  f64: row.f64 === 0 ? 0 : row.f64,
  u64: String(row.u64),
  i64: String(row.i64),
  micros: String(row.micros),
  ip6: Buffer.from(row.ip6).toString("hex"),
  maybe: row.maybe === -1 ? null : String(row.maybe),
  code: row.code === -32768 ? null : row.code,
})

const insertColumns = (columns: ReadonlyArray<NativeColumn>, rows: number) =>
  Effect.flatMap(ClickHouse, (clickhouse) =>
    clickhouse.insertNative(
      "t.all",
      columns.map((column) => column.name),
      encodeNative(rows, columns),
    ),
  )

describe("encodeNative", () => {
  it("writes what ClickHouse reads back", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(rowOf, { minLength: 1, maxLength: 40 }), async (rows) => {
        const found = await run(
          Effect.gen(function* () {
            const clickhouse = yield* ClickHouse
            yield* clickhouse.command("TRUNCATE TABLE t.all")
            yield* insertColumns(columnsOf(rows), rows.length)
            return yield* clickhouse.query(readBack)
          }),
        )
        expect(found.map((row) => (row.f64 === 0 ? { ...row, f64: 0 } : row))).toEqual(rows.map(expected))
      }),
      { numRuns: 60 },
    )
  }, 60_000)

  it("brings numbers out of range to the range's end instead of a broken block", async () => {
    const wild = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -5, 1e300, 2 ** 40]
    const found = await run(
      Effect.gen(function* () {
        const clickhouse = yield* ClickHouse
        yield* clickhouse.command("TRUNCATE TABLE t.all")
        yield* insertColumns(
          [
            { name: "row", type: "UInt32", data: wild.map((_, i) => i) },
            { name: "u8", type: "UInt8", data: wild },
            { name: "i32", type: "Int32", data: wild },
            { name: "u64", type: "UInt64", data: wild },
            { name: "time", type: "DateTime", data: wild },
          ],
          wild.length,
        )
        return yield* clickhouse.query("SELECT u8, i32, u64, toUInt32(time) AS time FROM t.all ORDER BY row")
      }),
    )
    const safe = String(Number.MAX_SAFE_INTEGER)
    expect(found.map((row) => row.u8)).toEqual([0, 255, 0, 0, 255, 255])
    expect(found.map((row) => row.i32)).toEqual([0, 2 ** 31 - 1, -(2 ** 31), -5, 2 ** 31 - 1, 2 ** 31 - 1])
    expect(found.map((row) => row.u64)).toEqual(["0", safe, "0", "0", safe, String(2 ** 40)])
    expect(found.map((row) => row.time)).toEqual([0, 2 ** 32 - 1, 0, 0, 2 ** 32 - 1, 2 ** 32 - 1])
  })

  it("is refused when it has a column the table has not", async () => {
    const columns: ReadonlyArray<NativeColumn> = [
      { name: "row", type: "UInt32", data: [1] },
      { name: "nobody", type: "UInt8", data: [1] },
    ]
    const error = await run(Effect.flip(insertColumns(columns, 1)))
    expect(error).toMatchObject({ _tag: "ClickHouseError", code: 16, retriable: false })
  })

  it("keeps bytes of any content", async () => {
    const bytes = Uint8Array.from({ length: 256 }, (_, i) => i)
    const found = await run(
      Effect.gen(function* () {
        const clickhouse = yield* ClickHouse
        yield* clickhouse.command("TRUNCATE TABLE t.all")
        yield* insertColumns([{ name: "text", type: "Bytes", data: [bytes] }], 1)
        return yield* clickhouse.query("SELECT hex(text) AS hex FROM t.all")
      }),
    )
    expect(found).toEqual([{ hex: Buffer.from(bytes).toString("hex").toUpperCase() }])
  })
})
