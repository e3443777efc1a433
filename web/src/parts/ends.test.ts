import { describe, expect, it } from "vitest"
import { endAddress, endName, endTitle, knownEnd } from "./ends.ts"

describe("ends of requests", () => {
  it("are unknown where nobody was told of", () => {
    for (const stored of ["0.0.0.0", "0.0.0.0:0", "::", "[::]:80"]) expect(knownEnd(stored)).toBe("")
    for (const stored of ["", "10.0.0.0:80", "[::1]:80", "shop"]) expect(knownEnd(stored)).toBe(stored)
    expect([endName(""), endName("shop")]).toEqual(["unknown", "shop"])
  })

  it("have addresses as they are written", () => {
    expect([endAddress("10.0.0.1", 80), endAddress("::1", 80), endAddress("", 80)]).toEqual([
      "10.0.0.1:80",
      "[::1]:80",
      "",
    ])
    expect([endTitle("shop", "10.0.0.1", 80), endTitle("", "", 0)]).toEqual(["shop (10.0.0.1:80)", "unknown"])
  })
})
