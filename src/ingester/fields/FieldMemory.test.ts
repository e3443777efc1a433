import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"
import { describe, expect, it } from "vitest"
import { makeBatch } from "../../model/ColumnBatch.ts"
import { defaultFieldLimits, type DueFields, type FieldLimits, FieldMemory } from "./FieldMemory.ts"

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

const make = (limits: Partial<FieldLimits> = {}) => new FieldMemory({ ...defaultFieldLimits, ...limits })

const shown = ({ fields, values }: DueFields) => ({
  names: fields.map(({ name }) => name),
  values: values.map(({ rows, value }) => [value.field.name, value.text, rows]),
})

const nothing = { names: [], values: [] }
const all = 1_000_000

describe("FieldMemory", () => {
  it("tells each name and value once, with the rows that had it", () => {
    const memory = make()
    memory.see(batchOf({ a: "1", b: "" }, { a: "1" }, { a: "2" }, {}), 100)
    expect(shown(memory.take(all, 100))).toEqual({
      names: ["a", "b"],
      values: [
        ["a", "1", 2],
        ["a", "2", 1],
      ],
    })
    memory.see(batchOf({ a: "1" }), 101)
    expect(shown(memory.take(all, 101))).toEqual(nothing)
  })

  it("tells what is still seen again after a while, with the rows since", () => {
    const memory = make({ renewSeconds: 60 })
    memory.see(batchOf({ a: "1" }), 100)
    memory.take(all, 100)
    memory.see(batchOf({ a: "1" }), 130)
    memory.see(batchOf({ a: "1" }), 160)
    expect(shown(memory.take(all, 160))).toEqual({ names: ["a"], values: [["a", "1", 2]] })
  })

  it("gives out so many at a time, and again what could not be written", () => {
    const memory = make()
    memory.see(batchOf({ a: "1" }, { b: "2" }, { a: "1" }), 100)
    const first = memory.take(1, 100)
    expect(shown(first)).toEqual({ names: ["a"], values: [["a", "1", 2]] })
    memory.giveBack(first)
    memory.see(batchOf({ a: "1" }), 101)
    expect(shown(memory.take(all, 101))).toEqual({
      names: ["b", "a"],
      values: [
        ["b", "2", 1],
        ["a", "1", 3],
      ],
    })
  })

  it("offers so many names, and counts the rows of others", () => {
    const memory = make({ names: 3 })
    for (let i = 0; i < 10_000; i++) memory.see(batchOf({ [`name-${i}`]: "x" }), 100)
    expect(shown(memory.take(all, 100)).names).toEqual(["name-0", "name-1", "name-2"])
    expect(memory.leftOut.names).toBe(9_997)
  })

  it("lets go of names that were not seen for long", () => {
    const memory = make({ names: 1, keepSeconds: 50 })
    memory.see(batchOf({ a: "1" }), 100)
    memory.forget(150)
    memory.see(batchOf({ b: "1" }), 150)
    memory.forget(151)
    memory.see(batchOf({ b: "1" }), 151)
    expect(memory.names).toBe(1)
    expect(memory.leftOut.names).toBe(1)
  })

  it("offers no values of a name that has too many", () => {
    const memory = make({ valuesOfName: 3 })
    memory.see(batchOf({ id: "1" }, { id: "2" }, { id: "3" }, { kind: "x" }), 100)
    expect(shown(memory.take(all, 100)).values).toHaveLength(4)
    memory.see(batchOf({ id: "4" }, { id: "1" }, { kind: "y" }), 200)
    expect(shown(memory.take(all, 200)).values).toEqual([["kind", "y", 1]])
    expect(memory.leftOut.values).toBe(2)
  })

  it("leaves out what is too long to be offered", () => {
    const memory = make({ text: 4 })
    memory.see(batchOf({ names: "x", a: "value", b: "four" }), 100)
    expect(shown(memory.take(all, 100))).toEqual({ names: ["a", "b"], values: [["b", "four", 1]] })
    expect(memory.leftOut).toEqual({ names: 1, values: 1 })
  })

  it("knows what was stored before", () => {
    const memory = make({ valuesOfName: 3, names: 2 })
    memory.load("id", 3, 100)
    memory.load("kind", 1, 100)
    memory.see(batchOf({ id: "1", kind: "x", third: "y" }), 100)
    expect(shown(memory.take(all, 100))).toEqual({ names: ["id", "kind"], values: [["kind", "x", 1]] })
  })

  it("forgets values, the older half first", () => {
    const memory = make({ values: 4 })
    for (const text of ["1", "2", "3", "1", "4", "5"]) {
      memory.see(batchOf({ a: text }), 100)
      memory.take(all, 100)
    }
    // 2 is forgotten, hence told as new.
    memory.see(batchOf({ a: "2" }, { a: "5" }), 101)
    expect(shown(memory.take(all, 101)).values).toEqual([["a", "2", 1]])
  })

  it("lets no more wait than it remembers", () => {
    const memory = make({ values: 4 })
    for (let i = 0; i < 10; i++) memory.see(batchOf({ a: String(i) }), 100)
    expect(shown(memory.take(all, 100)).values).toHaveLength(4)
  })

  it("looks at some rows of a large batch, in turn, and lets them stand for all", () => {
    const memory = make({ rowsOfBatch: 10 })
    const rows = Array.from({ length: 100 }, (_, row) => ({ row: String(row % 10) }))
    memory.see(batchOf(...rows), 100)
    memory.see(batchOf(...rows), 100)
    expect(shown(memory.take(all, 100)).values).toEqual([
      ["row", "0", 100],
      ["row", "1", 100],
    ])
  })

  it("keeps nothing of the batches alive", () => {
    setFlagsFromString("--expose-gc")
    const collect = runInNewContext("gc") as () => void
    const memory = make()
    collect()
    const before = process.memoryUsage().heapUsed
    for (let i = 0; i < 100; i++) {
      // As decoded: a slice of the text of a whole column.
      const column = Buffer.alloc(1_000_000, 97 + (i % 26)).toString("latin1")
      memory.see(batchOf({ [`${i}`]: column.slice(0, 100) }), 100)
    }
    collect()
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(10_000_000)
    expect(memory.names).toBe(100)
  })
})
