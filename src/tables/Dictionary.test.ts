import { describe, expect, it } from "vitest"
import { createDictionary, type Dictionary, dictionaryQuery } from "./Dictionary.ts"
import { recordTable } from "./tagTables.ts"

const dictionary: Dictionary = {
  database: "d",
  name: "m",
  comment: "Names",
  layout: "COMPLEX_KEY_HASHED",
  keys: [
    { name: "id", type: "UInt64" },
    { name: "key", type: "String" },
  ],
  attributes: [{ name: "value", type: "String" }],
  source: recordTable,
  where: "kind = 'pod'",
  arrayJoin: { tag_name: "tag_names", tag_value: "tag_values" },
  arrayWhere: "tag_name != ''",
  from: { key: "tag_name", value: "tag_value" },
}

describe("Dictionary", () => {
  it("prints the statement that makes it", () => {
    const flat: Dictionary = {
      database: "d",
      name: "m",
      comment: "Names",
      layout: "FLAT",
      mostKeys: 9,
      keys: [{ name: "id", type: "UInt64" }],
      attributes: [{ name: "name", type: "String" }],
      source: recordTable,
      where: "kind = 'pod'",
    }
    expect(createDictionary(flat)).toBe(`CREATE DICTIONARY IF NOT EXISTS d.\`m\`
(
  \`id\` UInt64,
  \`name\` String
)
PRIMARY KEY \`id\`
SOURCE(CLICKHOUSE(HOST '127.0.0.1' QUERY 'SELECT \`id\`, \`name\` FROM flow_tag.\`record\` FINAL WHERE kind = \\'pod\\''))
LIFETIME(MIN 60 MAX 120)
LAYOUT(FLAT(MAX_ARRAY_SIZE 9))
COMMENT 'Names'`)
  })

  it("reads as whom it is told", () => {
    expect(createDictionary(dictionary, { user: "sonde", password: "it's" })).toContain(
      "CLICKHOUSE(HOST '127.0.0.1' USER 'sonde' PASSWORD 'it\\'s' QUERY",
    )
  })

  it("makes rows of arrays", () => {
    expect(dictionaryQuery(dictionary)).toBe(
      "SELECT `id`, tag_name AS `key`, tag_value AS `value` FROM (SELECT *, tag_names AS `tag_name`, tag_values AS `tag_value` " +
        "FROM flow_tag.`record` FINAL WHERE kind = 'pod') ARRAY JOIN `tag_name`, `tag_value` WHERE tag_name != ''",
    )
  })
})
