import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import { type AnyBatch, type ColumnData, makeBatch } from "../model/ColumnBatch.ts"
import { type Column, type ColumnType, type RowKind, rowKinds } from "../model/columns.ts"
import { ColumnEncoder } from "./ColumnEncoder.ts"
import { schemas, typeCodes } from "./columns.ts"
import { decodeBody, type DecodedBody } from "./decodeBody.ts"
import { encodedBodyMost, rowsMost } from "./limits.ts"
import { sampleBatch } from "./sampleBatch.ts"

const decoded = (kind: RowKind, body: Uint8Array): DecodedBody => {
  const result = decodeBody(kind, body)
  if (typeof result === "string") throw new Error(result)
  return result
}

const text = fc.oneof(
  { weight: 3, arbitrary: fc.string({ maxLength: 12 }) },
  fc.string({ unit: "binary", maxLength: 8 }),
  fc.constant(""),
  fc.constant("ключ→値🦊"),
)
const safe = fc.oneof(
  fc.maxSafeInteger(),
  fc.constantFrom(0, -1, 2 ** 32, -(2 ** 32), Number.MAX_SAFE_INTEGER),
)

const cell = (type: ColumnType): fc.Arbitrary<unknown> => {
  switch (type) {
    case "u8":
      return fc.integer({ min: 0, max: 255 })
    case "u16":
      return fc.integer({ min: 0, max: 65_535 })
    case "u32":
      return fc.integer({ min: 0, max: 4_294_967_295 })
    case "i32":
      return fc.integer()
    case "u64":
      return safe.map(Math.abs)
    case "i64":
      return safe
    case "f64":
      return fc.double()
    case "ip":
      return fc.uint8Array({ minLength: 16, maxLength: 16 })
    case "str":
      return text
    case "strs":
      return fc.array(text, { maxLength: 3 })
  }
}

const fill = (batch: AnyBatch, rows: ReadonlyArray<Readonly<Record<string, unknown>>>): void => {
  batch.rows = rows.length
  rows.forEach((values, row) => {
    for (const { name, type } of rowKinds[batch.kind] as ReadonlyArray<Column>) {
      const data = (batch.columns as Record<string, ColumnData>)[name]
      if (type === "ip") (data as Uint8Array).set(values[name] as Uint8Array, row * 16)
      else (data as Array<unknown>)[row] = values[name]
    }
  })
}

const used = (batch: AnyBatch): Record<string, ReadonlyArray<unknown>> =>
  Object.fromEntries(
    (rowKinds[batch.kind] as ReadonlyArray<Column>).map(({ name, type }) => [
      name,
      Array.from((batch.columns as Record<string, ColumnData>)[name] as Array<unknown>).slice(
        0,
        batch.rows * (type === "ip" ? 16 : 1),
      ),
    ]),
  )

const anyBatch = fc.constantFrom("l7" as const, "application" as const).chain((kind) =>
  fc
    .tuple(
      fc.array(
        fc.record(
          Object.fromEntries(
            (rowKinds[kind] as ReadonlyArray<Column>).map(({ name, type }) => [name, cell(type)]),
          ),
        ),
        { maxLength: 5 },
      ),
      fc.nat(3),
    )
    .map(([rows, spare]) => {
      const batch = makeBatch(kind, rows.length + spare) as AnyBatch
      fill(batch, rows)
      return batch
    }),
)

/** A body by hand: columns as (type code, name, bytes). */
const handmade = (rows: number, columns: ReadonlyArray<readonly [number, string, Uint8Array]>): Buffer => {
  const u32 = (value: number) => {
    const bytes = Buffer.alloc(4)
    bytes.writeUInt32LE(value)
    return bytes
  }
  const schema = Buffer.concat([
    Buffer.from([columns.length & 255, columns.length >> 8]),
    ...columns.map(([code, name]) =>
      Buffer.concat([Buffer.from([code, Buffer.byteLength(name)]), Buffer.from(name)]),
    ),
  ])
  const data = columns.map(([, , bytes]) => Buffer.concat([u32(bytes.length), bytes]))
  return Buffer.concat([u32(schema.length), schema, u32(rows), ...data])
}

describe("columnar body", () => {
  const encoder = new ColumnEncoder()

  it("decodes what it encoded, every type and any text", () => {
    fc.assert(
      fc.property(anyBatch, (batch) => {
        const bodies = encoder.encode(batch)
        if (batch.rows === 0) return assert.lengthOf(bodies, 0)
        assert.lengthOf(bodies, 1)
        const result = decoded(batch.kind, bodies[0].body)
        assert.strictEqual(result.batch.rows, batch.rows)
        assert.strictEqual(result.skippedColumns + result.missingColumns, 0)
        assert.deepStrictEqual(used(result.batch), used(batch))
      }),
      { numRuns: 200 },
    )
  })

  it("does not carry rows beyond those in use", () => {
    const batch = sampleBatch(10)
    batch.rows = 4
    const { columns } = decoded("l7", encoder.encode(batch)[0].body).batch
    assert.strictEqual((columns as (typeof batch)["columns"]).endpoint.length, 4)
  })

  it("replaces lone surrogates and never joins them across rows", () => {
    const batch = makeBatch("l7", 2)
    batch.rows = 2
    batch.columns.endpoint[0] = "a\ud83e"
    batch.columns.endpoint[1] = "\udd8ab"
    const columns = decoded("l7", encoder.encode(batch)[0].body).batch.columns as (typeof batch)["columns"]
    assert.deepStrictEqual(columns.endpoint, ["a\ufffd", "\ufffdb"])
  })

  it("mends texts that are no UTF-8, counts them, and leaves their neighbours alone", () => {
    const texts = [
      Buffer.from([0x61, 0xff]),
      Buffer.from("\ufffd"),
      Buffer.from([0xe2, 0x82]),
      Buffer.from("ö"),
    ]
    const lengths = Buffer.alloc(16)
    texts.forEach((text, at) => lengths.writeUInt32LE(text.length, at * 4))
    const result = decoded(
      "l7",
      handmade(4, [[typeCodes.str, "endpoint", Buffer.concat([lengths, ...texts])]]),
    )
    const columns = result.batch.columns as ReturnType<typeof sampleBatch>["columns"]
    assert.deepStrictEqual(columns.endpoint, ["a\ufffd", "\ufffd", "\ufffd", "ö"])
    // The second was sent as it is.
    assert.strictEqual(result.mendedTexts, 2)
  })

  it("clamps what a 64-bit column cannot hold", () => {
    const batch = makeBatch("l7", 6)
    batch.rows = 6
    batch.columns.flow_id.set([NaN, Infinity, -5, 2 ** 60, 1.9, -0.5])
    batch.columns.request_id.set([NaN, -Infinity, -5, 2 ** 60, -1.9, -0.5])
    const columns = decoded("l7", encoder.encode(batch)[0].body).batch.columns as (typeof batch)["columns"]
    const most = Number.MAX_SAFE_INTEGER
    assert.deepStrictEqual([...columns.flow_id], [0, most, 0, most, 1, 0])
    assert.deepStrictEqual([...columns.request_id], [0, -most, -5, most, -1, 0])
  })

  it("splits what does not fit one body, and counts a row that never fits", () => {
    const batch = makeBatch("l7", 9)
    batch.rows = 9
    for (let row = 0; row < 9; row++) batch.columns.request_resource[row] = "x".repeat(1_500_000) + row
    batch.columns.request_resource[8] = "x".repeat(encodedBodyMost)
    const own = new ColumnEncoder()
    const bodies = own.encode(batch)
    assert.strictEqual(own.oversizedRows, 1)
    for (const { body } of bodies) assert.isAtMost(body.length, encodedBodyMost)
    const resources = bodies.flatMap(
      ({ body }) => (decoded("l7", body).batch.columns as (typeof batch)["columns"]).request_resource,
    )
    assert.deepStrictEqual(resources, batch.columns.request_resource.slice(0, 8))
  })

  it("skips columns it does not know and gives missing ones their defaults", () => {
    const body = handmade(2, [
      [99, "from_the_future", Buffer.from([1, 2, 3, 4, 5])],
      [typeCodes.u8, "unknown_name", Buffer.from([1, 2])],
      [typeCodes.str, "client_port", Buffer.from([0, 0, 0, 0, 0, 0, 0, 0])],
      [typeCodes.u8, "flow_id", Buffer.from([7, 8])],
    ])
    const result = decoded("l7", body)
    const columns = result.batch.columns as ReturnType<typeof sampleBatch>["columns"]
    assert.strictEqual(result.skippedColumns, 3)
    assert.strictEqual(result.missingColumns, rowKinds.l7.length - 1)
    assert.deepStrictEqual([...columns.flow_id], [7, 8])
    assert.deepStrictEqual([...columns.client_port], [0, 0])
    assert.deepStrictEqual([...columns.response_code], [-32768, -32768])
    assert.deepStrictEqual([...columns.request_length], [-1, -1])
    assert.deepStrictEqual(columns.endpoint, ["", ""])
    assert.deepStrictEqual(columns.attribute_names, [[], []])
  })

  it("names what is wrong", () => {
    const good = Buffer.from(encoder.encode(sampleBatch(3))[0].body)
    const withRows = (rows: number) => {
      const body = Buffer.from(good)
      body.writeUInt32LE(rows, 4 + schemas.l7.length)
      return body
    }
    assert.strictEqual(decodeBody("l7", Buffer.alloc(0)), "truncated")
    assert.strictEqual(decodeBody("l7", Buffer.alloc(64, 0xff)), "truncated")
    assert.strictEqual(decodeBody("l7", good.subarray(0, good.length - 1)), "truncated")
    assert.strictEqual(decodeBody("l7", Buffer.concat([good, Buffer.alloc(1)])), "trailing bytes")
    assert.strictEqual(decodeBody("l7", withRows(4)), "column length")
    assert.strictEqual(decodeBody("l7", withRows(rowsMost + 1)), "rows")
    assert.strictEqual(decodeBody("l7", handmade(rowsMost, [])), "rows")
    assert.strictEqual(
      decodeBody(
        "l7",
        handmade(1, [
          [1, "type", Buffer.from([1])],
          [1, "type", Buffer.from([1])],
        ]),
      ),
      "schema",
    )
    assert.strictEqual(
      decodeBody("l7", handmade(1, [[typeCodes.u64, "flow_id", Buffer.alloc(8, 0xff)]])),
      "number",
    )
    const hugeText = Buffer.from([0xff, 0xff, 0xff, 0xff, 65])
    assert.strictEqual(
      decodeBody("l7", handmade(1, [[typeCodes.str, "endpoint", hugeText]])),
      "column length",
    )
    assert.strictEqual(
      decodeBody("l7", handmade(1, [[typeCodes.strs, "attribute_names", hugeText]])),
      "column length",
    )
  })

  it("answers mutated and random bytes with a batch or a problem, never an exception", () => {
    const good = encoder.encode(sampleBatch(20))[0].body
    const mutation = fc.record({ at: fc.nat(good.length - 1), value: fc.nat(255) })
    fc.assert(
      fc.property(
        fc.array(mutation, { minLength: 1, maxLength: 6 }),
        fc.nat(good.length),
        (mutations, length) => {
          const body = good.slice()
          for (const { at, value } of mutations) body[at] = value
          for (const bytes of [body, body.subarray(0, length)]) {
            const result = decodeBody("l7", bytes)
            if (typeof result !== "string") assert.isAtMost(result.batch.rows, bytes.length)
          }
        },
      ),
      { numRuns: 2000 },
    )
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => void decodeBody("application", bytes)),
    )
  })
})
