import { describe, expect, it } from "vitest"
import { allDictionaries, allTables, allViews, databases } from "./databases.ts"
import { printTablesDocument } from "./document.ts"
import { addColumn, column, createTable, createTableLike, modifyRetention, type Table } from "./Table.ts"

const table: Table = {
  database: "d",
  name: "t.1s",
  comment: "It's a table",
  engine: "MergeTree",
  partitionBy: "toStartOfHour(time, 'UTC')",
  orderBy: ["time", "a"],
  retention: "seconds",
  placement: "node",
  settings: { index_granularity: 8192, default_compression_codec: "ZSTD(1)" },
  columns: [
    column("time", "DateTime", "When.", { codec: "Delta, ZSTD(1)", default: "now()" }),
    column("a", "String", "What.", { index: "bloom_filter(0.01)" }),
    column("b", "UInt8", "Sum.", { alias: "length(a)" }),
  ],
}

describe("Table", () => {
  it("prints the statement that makes it", () => {
    expect(createTable(table, { log: 1, seconds: 24, minutes: 2 }))
      .toBe(`CREATE TABLE IF NOT EXISTS d.\`t.1s\`
(
  \`time\` DateTime DEFAULT now() COMMENT 'When.' CODEC(Delta, ZSTD(1)),
  \`a\` String COMMENT 'What.',
  \`b\` UInt8 ALIAS length(a) COMMENT 'Sum.',
  INDEX \`a_idx\` \`a\` TYPE bloom_filter(0.01) GRANULARITY 2
)
ENGINE = MergeTree
PARTITION BY toStartOfHour(time, 'UTC')
ORDER BY (time, a)
TTL time + toIntervalHour(24)
SETTINGS index_granularity = 8192, default_compression_codec = 'ZSTD(1)'
COMMENT 'It\\'s a table'`)
  })

  it("prints an index in memory that is shorter than the order, and another age", () => {
    const other: Table = { ...table, primaryKey: ["time"], ageColumn: "used" }
    expect(createTableLike(other, { ...table, name: "u" }, { seconds: 24 }))
      .toBe(`CREATE TABLE IF NOT EXISTS d.\`t.1s\` AS d.\`u\`
ENGINE = MergeTree
PARTITION BY toStartOfHour(time, 'UTC')
PRIMARY KEY (time)
ORDER BY (time, a)
TTL used + toIntervalHour(24)
SETTINGS index_granularity = 8192, default_compression_codec = 'ZSTD(1)'
COMMENT 'It\\'s a table'`)
  })

  it("keeps tags longer than all that may refer to them", () => {
    expect(modifyRetention({ ...table, retention: "tags", ageColumn: "used" }, { days: 9_000 })).toBe(
      "ALTER TABLE d.`t.1s` MODIFY TTL used + toIntervalHour(9048) SETTINGS materialize_ttl_after_modify = 1",
    )
  })

  it("changes the time to keep by one ALTER, and never that of tables kept for good", () => {
    expect(modifyRetention(table, { log: 1, seconds: 9, minutes: 2 })).toBe(
      "ALTER TABLE d.`t.1s` MODIFY TTL time + toIntervalHour(9) SETTINGS materialize_ttl_after_modify = 0",
    )
    expect(
      modifyRetention({ ...table, retention: "always" }, { log: 1, seconds: 9, minutes: 2 }),
    ).toBeUndefined()
  })

  it("adds only columns it has", () => {
    expect(addColumn(table, "a")).toBe(
      "ALTER TABLE d.`t.1s` ADD COLUMN IF NOT EXISTS `a` String COMMENT 'What.'",
    )
    expect(() => addColumn(table, "z")).toThrow("no column z")
  })
})

describe("all tables", () => {
  it("have columns of different names, and order, partition and age by columns they store", () => {
    for (const one of allTables) {
      const names = one.columns.map(({ name }) => name)
      expect(new Set(names).size, one.name).toBe(names.length)
      const stored = one.columns.filter(({ alias }) => alias === undefined).map(({ name }) => name)
      expect(stored, one.name).toEqual(expect.arrayContaining([...one.orderBy, ...(one.primaryKey ?? [])]))
      expect(one.orderBy.slice(0, one.primaryKey?.length ?? 0)).toEqual(one.primaryKey ?? [])
      if (one.retention !== "always") expect(stored, one.name).toContain(one.ageColumn ?? "time")
    }
  })

  it("are called differently", () => {
    const names = [...allTables, ...allDictionaries, ...allViews].map(
      ({ database, name }) => `${database}.${name}`,
    )
    expect(new Set(names).size).toBe(names.length)
  })
})

describe("the document of the tables", () => {
  it("has every column of every table, every dictionary and every view", () => {
    const text = printTablesDocument(databases)
    for (const { columns } of allTables) for (const { name } of columns) expect(text).toContain(`\`${name}\``)
    for (const { database, name } of allTables) expect(text).toContain(`### ${database}.\`${name}\``)
    for (const { database, name } of allDictionaries) expect(text).toContain(`| \`${database}.${name}\` |`)
    for (const { name } of allViews) expect(text).toContain(`| \`${name}\` |`)
  })
})
