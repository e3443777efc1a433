import { describe, expect, it } from "vitest"
import { customTagFamilies, parseCustomTag } from "./customTags.ts"
import { vectorColumns } from "./TagVector.ts"
import { isTextTag, universalTag, universalTags } from "./universalTags.ts"

describe("universalTags", () => {
  it("shows every column of the tag vector, and nothing else", () => {
    const shown = new Set<string>(universalTags.map(({ column }) => column))
    const columns = vectorColumns.map(({ name }) => name).filter((name) => name !== "tag_set_id")
    expect([...shown].sort()).toEqual(columns.sort())
  })

  it("has each name and each alias once", () => {
    const names = universalTags.map(({ name }) => name)
    expect(new Set(names).size).toBe(names.length)
    const aliases = universalTags.flatMap((tag) => tag.aliases)
    expect(new Set(aliases).size).toBe(aliases.length)
    for (const alias of aliases) expect(names).not.toContain(alias)
  })

  it("leaves endings of sides to the tables", () => {
    for (const { aliases, name } of universalTags) {
      for (const each of [name, ...aliases]) expect(each).not.toMatch(/_[01]$/)
    }
  })

  it("knows tags by their older names", () => {
    expect(universalTag("resource_gl1")?.name).toBe("auto_service")
    expect(universalTag("vpc_id")?.column).toBe("l3_epc_id")
    expect(universalTag("pod_0")).toBeUndefined()
  })

  it("tells texts from numbers as the vector does", () => {
    for (const tag of universalTags) {
      const column = vectorColumns.find(({ name }) => name === tag.column)
      expect(isTextTag(tag)).toBe(column?.type === "String")
    }
  })
})

describe("parseCustomTag", () => {
  it("takes an ending for the side only where rows have two", () => {
    expect(parseCustomTag("k8s.label.tier_1", true)).toMatchObject({ key: "k8s.label.tier", side: "_1" })
    expect(parseCustomTag("k8s.label.tier_1_0", true)).toMatchObject({ key: "k8s.label.tier_1", side: "_0" })
    expect(parseCustomTag("k8s.label.tier_1", false)).toMatchObject({
      key: "k8s.label.tier_1",
      side: undefined,
    })
    expect(parseCustomTag("k8s.label.app", true)).toMatchObject({ key: "k8s.label.app", side: undefined })
  })

  it("never takes an ending off a row's own fields", () => {
    expect(parseCustomTag("attribute.a_1", true)).toMatchObject({ key: "a_1", side: undefined })
  })

  it("knows no tag without a name behind its family", () => {
    for (const { prefix } of customTagFamilies) {
      expect(parseCustomTag(prefix, true)).toBeUndefined()
      expect(parseCustomTag(`${prefix}.`, true)).toBeUndefined()
    }
    expect(parseCustomTag("k8s.label._0", true)).toBeUndefined()
    expect(parseCustomTag("pod.label.app", true)).toBeUndefined()
  })
})
