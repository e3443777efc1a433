import { describe, expect, it } from "vitest"
import { withQuery } from "../../api/client.ts"
import { asQuery, isFiltered, isTraceId, readDuration, readFilters, readTag } from "./filters.ts"

const read = (query: string) => readFilters(new URLSearchParams(query))

describe("filters of traces", () => {
  it("reads the address and asks the API by the same names", () => {
    const filters = read("service=shop&endpoint=%2Fitems&minUs=1000&maxUs=50000&tag=pod%3Da%3Db&last=60")
    expect(withQuery("/x", asQuery(filters))).toBe(
      "/x?service=shop&endpoint=%2Fitems&minUs=1000&maxUs=50000&tag=pod%3Da%3Db",
    )
    expect(isFiltered(filters)).toBe(true)
    expect(asQuery(read("client=nginx&server=shop"))).toMatchObject({ client: "nginx", server: "shop" })
    expect(isFiltered(read("last=60&order=slowest"))).toBe(false)
    expect(read("order=slowest").order).toBe("slowest")
    expect(read("order=any").order).toBe("")
  })

  it("ignores what is no number and no tag", () => {
    for (const query of ["minUs=abc", "maxUs=-1", "minUs=1e3", "tag=pod", "tag=%3Dx", "tag=pod%3D"])
      expect(isFiltered(read(query))).toBe(false)
    expect(readTag("pod = a=b")).toEqual({ name: "pod", value: "a=b" })
  })

  it.each([
    ["250", 250_000],
    ["250 ms", 250_000],
    ["1.5s", 1_500_000],
    ["2,5 S", 2_500_000],
    ["40 µs", 40],
    ["2min", 120_000_000],
    ["", undefined],
    ["fast", undefined],
    ["-3", undefined],
    ["9".repeat(20), undefined],
  ])("reads the duration %j", (text, us) => expect(readDuration(text)).toBe(us))

  it("knows what names one trace", () => {
    expect(isTraceId(" 4bf92f3577b34da6a3ce929d0e0e4736 ")).toBe(true)
    expect(isTraceId("7688000000000000010")).toBe(true)
    for (const text of ["", "/orders", "shop", "12345", "cafe"]) expect(isTraceId(text)).toBe(false)
  })
})
