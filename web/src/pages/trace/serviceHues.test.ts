import { expect, it } from "vitest"
import { serviceHues } from "./serviceHues.ts"

it("gives each service a colour of its own while there are any, and the first one the same in every trace", () => {
  const hues = serviceHues(["nginx", "shop", "stock", "redis", "postgres", "queue", "a", "b"])
  expect(new Set(hues.values()).size).toBe(8)
  expect(serviceHues(["nginx", "other"]).get("nginx")).toBe(hues.get("nginx"))
  expect(serviceHues(Array.from({ length: 40 }, (_, i) => `service-${i}`)).size).toBe(40)
  expect(serviceHues([])).toEqual(new Map())
})
