import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import { makeBatch } from "../../model/ColumnBatch.ts"
import { attributesMost, attributeTextMost, clipRows, nameMost, noClipStats, textMost } from "./clipRows.ts"

const rows = (count: number) => {
  const batch = makeBatch("l7", count)
  batch.rows = count
  return batch
}

const clipped = (batch: Parameters<typeof clipRows>[0]) => {
  const stats = noClipStats()
  clipRows(batch, stats)
  return stats
}

describe("clipRows", () => {
  it("leaves usual rows as they are, whatever characters they have", () => {
    const batch = rows(2)
    batch.columns.request_resource[0] = "x".repeat(textMost)
    batch.columns.gprocess_0[1] = "g".repeat(nameMost)
    batch.columns.endpoint[0] = "\u0000\u0001\u001b[2J\u007f\r\n"
    batch.columns.attribute_names[0] = ["a"]
    batch.columns.attribute_values[0] = ["1"]
    const before = structuredClone(batch.columns)
    expect(clipped(batch)).toEqual(noClipStats())
    expect(batch.columns).toEqual(before)
  })

  it("cuts a megabyte, and only there", () => {
    const batch = rows(2)
    batch.columns.request_resource[0] = "x".repeat(1_048_576)
    batch.columns.request_resource[1] = "/ok"
    batch.columns.container_0[1] = "c".repeat(1_048_576)
    expect(clipped(batch)).toEqual({ texts: 2, attributes: 0 })
    expect(batch.columns.request_resource.map(({ length }) => length)).toEqual([textMost, 3])
    expect(batch.columns.container_0[1]).toHaveLength(nameMost)
  })

  it("never cuts a character in two", () => {
    const batch = rows(1)
    batch.columns.endpoint[0] = `a${"🦊".repeat(textMost)}`
    clipped(batch)
    expect(batch.columns.endpoint[0]).toBe(`a${"🦊".repeat(textMost / 2 - 1)}`)
  })

  it("does the same for metrics", () => {
    const batch = makeBatch("application", 1)
    batch.rows = 1
    batch.columns.endpoint[0] = "e".repeat(100_000)
    batch.columns.gprocess[0] = "g".repeat(100_000)
    expect(clipped(batch)).toEqual({ texts: 2, attributes: 0 })
    expect([batch.columns.endpoint[0]!.length, batch.columns.gprocess[0]!.length]).toEqual([
      textMost,
      nameMost,
    ])
  })

  it("keeps a bounded number of attributes, and none that do not match", () => {
    const batch = rows(3)
    const many = Array.from({ length: 10_000 }, (_, i) => `name-${i}`)
    batch.columns.attribute_names[0] = many
    batch.columns.attribute_values[0] = many
    batch.columns.attribute_names[1] = ["a", "b"]
    batch.columns.attribute_values[1] = ["1"]
    batch.columns.attribute_values[2] = ["1"]
    expect(clipped(batch)).toEqual({ texts: 0, attributes: 3 })
    expect(batch.columns.attribute_names.map(({ length }) => length)).toEqual([attributesMost, 0, 0])
    expect(batch.columns.attribute_values.map(({ length }) => length)).toEqual([attributesMost, 0, 0])
  })

  it("cuts a large attribute and keeps those around it", () => {
    const batch = rows(1)
    batch.columns.attribute_names[0] = ["small", "large", "n".repeat(1_048_576)]
    batch.columns.attribute_values[0] = ["1", "x".repeat(1_048_576), "2"]
    expect(clipped(batch)).toEqual({ texts: 0, attributes: 1 })
    expect(batch.columns.attribute_names[0]).toEqual(["small", "large", "n".repeat(nameMost)])
    expect(batch.columns.attribute_values[0]).toEqual(["1", "x".repeat(textMost), "2"])
  })

  it("keeps every row within its bounds, and its attributes in pairs", () => {
    const texts = fc.array(fc.integer({ min: 0, max: 40_000 }), { maxLength: 200 })
    fc.assert(
      fc.property(texts, texts, (names, values) => {
        const batch = rows(1)
        batch.columns.attribute_names[0] = names.map((length) => "n".repeat(length))
        batch.columns.attribute_values[0] = values.map((length) => "v".repeat(length))
        clipped(batch)
        const [ownNames, ownValues] = [batch.columns.attribute_names[0]!, batch.columns.attribute_values[0]!]
        expect(ownNames.length).toBe(ownValues.length)
        expect(ownNames.length).toBeLessThanOrEqual(attributesMost)
        expect([...ownNames, ...ownValues].join("").length).toBeLessThanOrEqual(attributeTextMost)
      }),
      { numRuns: 50 },
    )
  })
})
