import { assert, describe, it } from "@effect/vitest"
import { readNames, readWords } from "./words.ts"

describe("lists as one types them", () => {
  it("words, each once, in their order", () => {
    assert.deepStrictEqual(readWords(" web-*, db-?  db-?,\n"), ["web-*", "db-?"])
    assert.deepStrictEqual(readWords("  "), [])
  })

  it("names with spaces within", () => {
    assert.deepStrictEqual(readNames(" socket data ,packets,, packets "), ["socket data", "packets"])
    assert.deepStrictEqual(readNames(""), [])
  })
})
