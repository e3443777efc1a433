import * as Effect from "effect/Effect"
import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import { goDurationUs, searchFilter } from "./searchFilter.ts"
import { parseTraceQl } from "./traceQl.ts"

const range = { fromUs: 1, toUs: 2 }
const filter = (query: Readonly<Record<string, string>>) =>
  Effect.runPromise(searchFilter(new URLSearchParams(query), range))

describe("TraceQL", () => {
  it("is read as far as it asks for spans by conditions", () => {
    expect(
      parseTraceQl('{ resource.service.name = "a \\"b\\"" && duration>=1.5s && .x = `y` } | select(name)'),
    ).toEqual({
      ok: true,
      conditions: [
        { field: "resource.service.name", operator: "=", value: 'a "b"' },
        { field: "duration", operator: ">=", value: "1.5s" },
        { field: ".x", operator: "=", value: "y" },
      ],
    })
    for (const query of ["", "{}", " { } ", "{true}"])
      expect(parseTraceQl(query)).toEqual({ ok: true, conditions: [] })
  })

  it.each([
    ["{} >> {}", '">>" after the spans'],
    ["{ name =~ `x` }", 'expected one of = != > >= < <=, found "=~"'],
    ["{ a = 1 || b = 2 }", 'expected && or }, found "||"'],
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
        q: '{resource.service.name="shop" && name="GET /orders" && status=error && duration>10ms && duration<1s && span.user.id="7" && resource.k8s.pod.name="p"}',
      }),
    ).toEqual({
      request: { range, service: "shop", endpoint: "/orders", status: "server_error" },
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
    "{ duration = 5ms }",
    "{ duration > long }",
    '{ resource.service.name != "x" }',
    "{ status = odd }",
  ])("is refused where the list of traces has no such filter: %s", async (q) => {
    await expect(filter({ q })).rejects.toMatchObject({ status: 400 })
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
