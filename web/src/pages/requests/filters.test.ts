import { describe, expect, it } from "vitest"
import { agentNumber } from "../../api/agentNumber.ts"
import { withQuery } from "../../api/client.ts"
import { asQuery, durationChoices, isFiltered, noFilters, readFilters, serviceChoices } from "./filters.ts"

const read = (query: string) => readFilters(new URLSearchParams(query))

describe("filters", () => {
  it("reads the address and asks the API by the same names", () => {
    const filters = read("q=a+b&server=shop&minUs=1000&point=s-p&last=60&other=1")
    expect(withQuery("/x", asQuery(filters))).toBe("/x?q=a+b&server=shop&point=s-p&minUs=1000")
    expect(isFiltered(filters)).toBe(true)
    expect(isFiltered(noFilters)).toBe(false)
  })

  it("asks for an agent by its number", () => {
    const filters = read("agent=web-1")
    expect(filters.agent).toBe("web-1")
    expect(asQuery(filters)["agent"]).toBe(agentNumber("web-1"))
    expect(isFiltered(filters)).toBe(true)
  })

  it("ignores a number that is none", () => {
    for (const value of ["abc", "-1", "1e3", "9".repeat(30)])
      expect(read(`minUs=${value}`)).toEqual(noFilters)
  })

  it("offers what an address brought", () => {
    expect(durationChoices("2000", (us) => `${us} us`).at(-1)).toEqual(["2000", "2000 us"])
    expect(durationChoices("1000", String)).toHaveLength(7)
    expect(serviceChoices(["b", "a", "", "b"], "c").map(([name]) => name)).toEqual(["", "a", "b", "c"])
  })
})
