import * as Effect from "effect/Effect"
import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import { goDurationUs } from "./fields.ts"
import { searchFilter } from "./searchFilter.ts"
import { conjunction, oneSpanset, parseTraceQl, type SpanExpression } from "./traceQl.ts"

const range = { fromUs: 1, toUs: 2 }
const search = (query: Readonly<Record<string, string>>) =>
  Effect.runPromise(searchFilter(new URLSearchParams(query), range))
const filter = async (query: Readonly<Record<string, string>>) => (await search(query)).filter

/** One set of spans. */
const spansOf = (query: string) => {
  const parsed = parseTraceQl(query)
  return parsed.ok ? oneSpanset(parsed.spansets) : parsed.message
}

describe("TraceQL", () => {
  it("is read as far as it asks for spans by conditions", () => {
    const spans = spansOf(
      '{ resource.service.name = "a \\"b\\"" && duration>=1.5s && .x = `y` } | select(name)',
    )
    expect(conjunction(spans as SpanExpression)).toEqual([
      { field: "resource.service.name", operator: "=", value: 'a "b"' },
      { field: "duration", operator: ">=", value: "1.5s" },
      { field: ".x", operator: "=", value: "y" },
    ])
    for (const query of ["", "{}", " { } ", "{true}"]) expect(spansOf(query)).toEqual({ is: "true" })
  })

  it("binds && closer than ||, and ! closest", () => {
    const written = (query: string): string => {
      const text = (spans: SpanExpression): string => {
        if (spans.is === "true") return "true"
        if (spans.is === "not") return `!${text(spans.of)}`
        if (spans.is === "condition") return spans.condition.field
        return `(${text(spans.left)} ${spans.is} ${text(spans.right)})`
      }
      const spans = spansOf(query)
      return typeof spans === "string" ? spans : text(spans!)
    }
    expect(written("{ a = 1 || b = 2 && !c = 3 || d = 4 }")).toBe("((a or (b and !c)) or d)")
    expect(written("{ (a = 1 || b = 2) && c =~ `x.*` }")).toBe("((a or b) and c)")
    expect(written("{ a = 1 } || { b != 2 && true }")).toBe("(a or (b and true))")
    expect(written(`{ ${"(".repeat(65)}`)).toContain("more than 64 parentheses")
  })

  it.each([
    ["{} >>", "expected {, found the end"],
    ["{} !>> {}", '"!" after the spans'],
    ["({}", "expected ), found the end"],
    ["{ a = 1 b = 2 }", 'expected && or || or }, found "b"'],
    ["{ (a = 1 }", 'expected ), found "}"'],
    ["{} | rate()", "| rate is not understood"],
    ["{ name = }", 'name =: expected a value, found "}"'],
    ["{ name", "found the end"],
    ["duration > 1s", 'expected {, found "duration"'],
    ["{ \u0001 }", "cannot read"],
  ])("is refused with what was not understood: %s", (query, message) => {
    expect(parseTraceQl(query)).toMatchObject({
      ok: false,
      message: expect.stringContaining(message) as string,
    })
  })

  it("ends, whatever it is", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => typeof parseTraceQl(`{${text}`).ok === "boolean"),
    )
  })

  it("becomes a filter of traces", async () => {
    expect(
      await filter({
        q: '{resource.service.name="shop" && name="GET /orders" && status=ok && duration>10ms && duration<1s && span.user.id="7" && resource.k8s.pod.name="p"}',
      }),
    ).toEqual({
      request: { range, service: "shop", endpoint: "/orders", status: "ok" },
      minUs: 10_001,
      maxUs: 999_999,
      tags: [
        ["user.id", "7"],
        ["pod", "p"],
      ],
    })
    expect(
      await filter({ tags: 'service.name=shop name="work" x=y', minDuration: "5ms", maxDuration: "1m30s" }),
    ).toEqual({
      request: { range, service: "shop", text: "work" },
      minUs: 5_000,
      maxUs: 90_000_000,
      tags: [["x", "y"]],
    })
    expect(
      await filter({ q: '{ span.network.protocol.name = "redis" && span.http.route = "/r" }' }),
    ).toMatchObject({
      request: { protocol: 80, endpoint: "/r" },
    })
  })

  it.each([
    ["{ duration > long }", "is not a duration"],
    ["{ duration =~ `1.*` || name = `x` }", "1.* is not a duration"],
    ["{ status = odd }", "not one of error, ok, unset"],
    ["{ kind = odd }", "not one of unspecified"],
    ["{ name = `a` } >> { name =~ `b` }", "regular expressions are understood in one set"],
    ["{ name = `a` } >> { duration > long }", "is not a duration"],
    ["{ span.http.status_code > many }", "many is not a number"],
    [`{ ${Array(40).fill("a = 1").join(" || ")} }`, "more than 32 conditions"],
  ])("is refused where it cannot be asked: %s", async (q, message) => {
    await expect(filter({ q })).rejects.toMatchObject({
      status: 400,
      message: expect.stringContaining(message) as string,
    })
  })

  it.each([
    ["100ms", 100_000],
    ["1h2m", 3_720e6],
    ["250us", 250],
    ["1500ns", 2],
    ["5", undefined],
    ["-1s", undefined],
    ["", undefined],
  ])("knows the duration %j", (text, us) => expect(goDurationUs(text)).toBe(us))
})
