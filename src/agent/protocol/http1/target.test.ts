import { Buffer } from "node:buffer"
import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import { Direction } from "../Protocol.ts"
import { makeHttp1 } from "./http1.ts"
import { endpointOf, maskQuery, mayHoldSecret } from "./target.ts"

const queries = fc
  .array(
    fc.tuple(
      fc.constantFrom("", "a", "page", "key", "api_key", "user[pass]", "TOKEN", "p%61ssword", "x".repeat(70)),
      fc.constantFrom("=", "", "==", "=&"),
      fc.constantFrom("", "1", "s3cret", "%20", "a=b"),
    ),
    { maxLength: 4 },
  )
  .map((parameters) => parameters.map((parts) => parts.join("")).join("&"))

describe("targets", () => {
  it("whose query is told to hold no secret have none to mask", () => {
    fc.assert(
      fc.property(fc.oneof(queries, fc.string({ unit: "binary-ascii" })), (query) => {
        const target = `/a?${query}`
        const bytes = Buffer.from(target, "latin1")
        if (!mayHoldSecret(bytes, 3, bytes.length)) expect(maskQuery(target)).toBe(target)
      }),
      { numRuns: 2_000 },
    )
    expect(mayHoldSecret(Buffer.from("a=1&token=x"), 0, 11)).toBe(true)
    expect(mayHoldSecret(Buffer.from("limit=20&page=3"), 0, 15)).toBe(false)
  })

  it("have the same endpoint however often their path was met", () => {
    const segments = fc.constantFrom("orders", "17", "v1", "user-15", "ä", "a.b", "", "x".repeat(140))
    const targets = fc.tuple(fc.array(segments, { maxLength: 4 }), fc.constantFrom("", "?a=1/2", "?"))
    fc.assert(
      fc.property(fc.array(targets, { maxLength: 60 }), (all) => {
        const found: Array<[string, string]> = []
        const parser = makeHttp1({ keepSegments: 2 }).connection({
          message: ({ endpoint, requestResource }) => found.push([requestResource, endpoint]),
          leave: () => {},
          desync: () => {},
        })
        for (const [path, query] of all) {
          const bytes = Buffer.from(`GET /${path.join("/")}${query} HTTP/1.1\r\n\r\n`)
          parser.feed(Direction.toServer, bytes, 0, bytes.length, 0, 1, 0)
        }
        expect(found.map(([, endpoint]) => endpoint)).toEqual(
          found.map(([resource]) => endpointOf(resource, 2)),
        )
        expect(found).toHaveLength(all.length)
      }),
    )
  })
})
