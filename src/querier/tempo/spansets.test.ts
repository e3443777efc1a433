import { describe, expect, it } from "vitest"
import { shopTrace } from "../trace/traces.testing.ts"
import { neededSpans, spansFound } from "./spansets.ts"
import { parseTraceQl } from "./traceQl.ts"

const trace = shopTrace()

const found = (query: string): ReadonlyArray<string> => {
  const parsed = parseTraceQl(query)
  if (!parsed.ok) throw new Error(parsed.message)
  return spansFound(parsed.spansets, trace).map((at) => {
    const { point, service } = trace.spans[at]!
    return `${point} ${service}`
  })
}

describe("spans of a trace by how they stand to each other", () => {
  const all = trace.spans.map(({ point, service }) => `${point} ${service}`)

  it("are found in a trace like this", () => {
    expect(all).toEqual(["c-p service-1", "s-p service-2", "c-p service-2", "s-p service-3"])
  })

  it.each([
    ["{}", all],
    ["{ resource.service.name = `service-1` } > { }", ["s-p service-2"]],
    ["{ resource.service.name = `service-1` } >> { }", all.slice(1)],
    ["{ resource.service.name = `service-1` } >> { kind = server }", ["s-p service-2", "s-p service-3"]],
    ["{ kind = server } > { kind = client } > { kind = server }", ["s-p service-3"]],
    ["{ resource.service.name = `service-3` } > { }", []],
    ["{ resource.service.name = `service-3` } << { kind = server }", ["s-p service-2"]],
    ["{ resource.service.name = `service-3` } < { }", ["c-p service-2"]],
    ["{ kind = client } ~ { }", []],
    [
      "{ resource.service.name = `service-1` } && { resource.service.name = `service-3` }",
      [all[0]!, all[3]!],
    ],
    ["{ resource.service.name = `service-1` } && { resource.service.name = `none` }", []],
    [
      "{ resource.service.name = `none` } || { duration > 0ns && resource.service.name = `service-1` }",
      [all[0]!],
    ],
    [
      "({ kind = client } && { kind = server }) >> { resource.service.name = `service-3` }",
      ["s-p service-3"],
    ],
    ["{ span.http.response.status_code >= 200 && !(kind = client) }", ["s-p service-2", "s-p service-3"]],
  ])("%s", (query, expected) => {
    expect(found(query)).toEqual(expected)
  })

  it("need one of the spans that are found", () => {
    const parsed = parseTraceQl("{ name = `a` } >> { name = `b` } || { name = `c` } && { name = `d` }")
    expect(parsed.ok && JSON.stringify(neededSpans(parsed.spansets)).match(/"value":"."/g)).toEqual([
      '"value":"b"',
      '"value":"d"',
    ])
  })
})
