// Schema, values and drafts of the editor, with the schema that servers give.

import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import { AgentConfigSchema, agentConfigKeys } from "../../../../src/runtime/agentConfig.ts"
import { jsonSchemaOf } from "../../../../src/runtime/schemaKeys.ts"
import type { Values } from "../../api/adminContract.ts"
import { changedValues, differencesOf, examine, layerText, readLayer, readStages } from "./draft.ts"
import { settingKeys, unknownKey } from "./settingKeys.ts"
import { expectedOf, readValue, textOf } from "./settingValue.ts"

const schema = jsonSchemaOf(AgentConfigSchema) as Values
const keys = settingKeys(schema)
const keyOf = (path: string) => keys.find((key) => key.path === path) ?? unknownKey(path)

describe("settingKeys", () => {
  it("reads every key of the server's schema as the server does", () => {
    expect(keys.length).toBeGreaterThan(5)
    const known = agentConfigKeys.map((key) => [
      key.path,
      key.type,
      key.choices,
      key.minimum,
      key.maximum,
      key.default,
      key.description,
      key.change,
    ])
    expect(
      keys.map((key) => [
        key.path,
        key.type,
        key.choices,
        key.minimum,
        key.maximum,
        key.default,
        key.description,
        key.change,
      ]),
    ).toEqual(known)
  })

  it("follows references and sections, and is not caught by circles", () => {
    const found = settingKeys({
      properties: {
        a: { properties: { b: { $ref: "#/$defs/Count", change: "hot" } } },
        c: { $ref: "#/$defs/Circle" },
      },
      $defs: { Count: { type: "integer", minimum: 3 }, Circle: { $ref: "#/$defs/Circle" } },
    })
    expect(found.map(({ path, type, minimum, change }) => [path, type, minimum, change])).toEqual([
      ["a.b", "integer", 3, "hot"],
      ["c", "any", undefined, undefined],
    ])
  })

  it("never throws, whatever the schema", () =>
    fc.assert(
      fc.property(
        fc.object({ key: fc.constantFrom("properties", "type", "enum", "items", "anyOf", "x", "$ref") }),
        (value) => {
          settingKeys(value as Values)
        },
      ),
    ))
})

describe("settingValue", () => {
  it("takes what the schema's defaults are, and gives their text", () => {
    for (const key of keys)
      expect(readValue(key, textOf(key, key.default)), key.path).toEqual({ value: key.default })
  })

  it.each([
    ["flushMs", "49", "an integer from 50 to 10000"],
    ["flushMs", "1.5", "an integer"],
    ["flushMs", "", "an integer"],
    ["capture", "magic", "one of auto"],
    ["maskLiterals", "yes", "true or false"],
    ["excludePorts", "80, 70000", "found 70000"],
    ["not known", "abc", "JSON"],
  ])("%s: %j is refused", (path, text, problem) => {
    const read = readValue(keyOf(path), text)
    expect("problem" in read ? read.problem : "").toContain(problem)
  })

  it("reads lists with commas and as JSON", () => {
    expect(readValue(keyOf("excludePorts"), " 80,443 ,")).toEqual({ value: [80, 443] })
    expect(readValue(keyOf("excludePrograms"), "")).toEqual({ value: [] })
    expect(readValue(keyOf("excludePrograms"), '["a,b", "c"]')).toEqual({ value: ["a,b", "c"] })
    expect(expectedOf(keyOf("excludePorts"))).toBe("a list of integers from 1 to 65535, with commas between")
  })

  it("gives back what the text of a value says", () => {
    const list = keyOf("excludePrograms")
    fc.assert(
      fc.property(fc.array(fc.string()), (value) => {
        expect(readValue(list, textOf(list, value))).toEqual({ value })
      }),
    )
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const read = readValue(unknownKey("x"), textOf(unknownKey("x"), value))
        expect(read).toEqual({ value: JSON.parse(JSON.stringify(value)) as unknown })
      }),
    )
  })
})

describe("draft", () => {
  const values = { flushMs: 500, capture: "auto" }

  it("tells what it changes, and what is wrong with it", () => {
    const { differences, problems } = examine(
      { flushMs: "200", capture: null, maskLiterals: "false", interface: "eth0", ringMiB: "lots" },
      values,
      keyOf,
    )
    expect(differences).toEqual([
      { path: "flushMs", before: 500, after: 200 },
      { path: "capture", before: "auto", after: undefined },
      { path: "maskLiterals", before: undefined, after: false },
      { path: "interface", before: undefined, after: "eth0" },
    ])
    expect(Object.keys(problems)).toEqual(["ringMiB"])
    expect(changedValues(differences)).toEqual({
      flushMs: 200,
      capture: null,
      maskLiterals: false,
      interface: "eth0",
    })
  })

  it("does not count what stays", () =>
    expect(examine({ flushMs: "500", ringMiB: null }, values, keyOf).differences).toEqual([]))

  it("compares versions", () =>
    expect(differencesOf(values, { capture: "none", flushMs: 500, x: 1 })).toEqual([
      { path: "capture", before: "auto", after: "none" },
      { path: "x", before: undefined, after: 1 },
    ]))

  it("reads stages", () => {
    expect(readStages(" 1, 10%,100% ")).toEqual({ stages: ["1", "10%", "100%"] })
    expect(readStages("")).toEqual({ stages: [] })
    for (const text of ["0", "101%", "half", "1 10%", "-1"])
      expect(readStages(text)).toHaveProperty("problem")
  })

  it("reads layers as it writes them", () => {
    for (const text of ["default", "region", "group/web", "agent/a/b"])
      expect(layerText(readLayer(text))).toBe(text)
    for (const text of ["", "group", "group/", "x/y"]) expect(layerText(readLayer(text))).toBe("default")
  })
})
