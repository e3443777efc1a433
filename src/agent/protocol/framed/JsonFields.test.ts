import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import { walkFields } from "./JsonFields.ts"

describe("JSON fields", () => {
  const fieldsOf = (text: string) => {
    const found: Array<[string, string]> = []
    walkFields(text, (name, value) => found.push([name, value]))
    return found
  }

  it("are those of the object and of objects in it", () => {
    expect(fieldsOf('{"a": 1, "b":{"c":"x\\"y\\u0001","d":[1,{"e":2},"f"]},"g":-3}')).toEqual([
      ["a", "1"],
      ["c", 'x"y\u0001'],
      ["g", "-3"],
    ])
    expect(fieldsOf('{"a":1,"b":"cut o')).toEqual([["a", "1"]])
    expect(fieldsOf('{"a":12')).toEqual([])
  })

  it("agree with JSON, and never throw", () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.oneof(fc.string(), fc.integer())), (object) => {
        expect(fieldsOf(JSON.stringify(object))).toEqual(
          Object.entries(object).flatMap(([name, value]) => (name === "" ? [] : [[name, `${value}`]])),
        )
      }),
    )
    fc.assert(fc.property(fc.string(), (text) => void fieldsOf(text)))
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom(...'{}[]",:\\u1a ')),
        (characters) => void fieldsOf(characters.join("")),
      ),
    )
  })
})
