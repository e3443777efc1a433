import { describe, expect, it } from "vitest"
import { pageAddress, patched } from "./location.ts"

describe("location", () => {
  it("sets, replaces and takes away parameters", () => {
    const params = new URLSearchParams("a=1&b=2")
    expect(patched("/requests", params, { b: "3", c: "x y" })).toBe("/requests?a=1&b=3&c=x+y")
    expect(patched("/requests", params, { a: "", b: undefined })).toBe("/requests")
    expect(params.toString()).toBe("a=1&b=2")
  })

  it("keeps the time range, and nothing else, on the way to another page", () => {
    const params = new URLSearchParams("last=60&live=0&q=GET&node=shop")
    expect(pageAddress("/requests", params)).toBe("/requests?last=60&live=0")
    expect(pageAddress("/requests", params, { service: "a&b" })).toBe(
      "/requests?last=60&live=0&service=a%26b",
    )
  })
})
