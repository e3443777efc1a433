import { describe, expect, it } from "vitest"
import { configKeys } from "../runtime/configKeys.ts"
import { configuredClasses, defaultRetention, retentionHours, retentionKey } from "./retention.ts"

describe("retention", () => {
  it("has a key for each class and its default from there", () => {
    for (const one of configuredClasses) {
      const key = configKeys.find(({ path }) => path === `storage.${retentionKey(one)}`)
      expect(key?.default).toBe(defaultRetention[one])
    }
  })

  it("takes the default for what is not named, and the longest and a margin for tags", () => {
    expect(retentionHours("always", {})).toBeUndefined()
    expect(retentionHours("log", {})).toBe(72)
    expect(retentionHours("log", { log: 1 })).toBe(1)
    expect(retentionHours("tags", {})).toBe(Math.max(...Object.values(defaultRetention)) + 48)
    expect(retentionHours("tags", { minutes: 80_000 })).toBe(80_048)
  })
})
