import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import { refusedOrigin } from "./originGuard.ts"

const rules = { host: "127.0.0.1", allowedHosts: ["Sonde.example"] }

const codeOf = (headers: Record<string, string>, method = "GET", own = rules) =>
  refusedOrigin(own, { method, headers })?.code

describe("refusedOrigin", () => {
  it("knows loopback by its names and addresses, with and without port", () => {
    for (const host of [
      "localhost",
      "localhost:20416",
      "127.0.0.1:1",
      "127.8.9.1",
      "[::1]:20416",
      "a.localhost",
    ]) {
      assert.isUndefined(codeOf({ host }), host)
    }
  })

  it("refuses other names, as a rebound name would send, unless configured", () => {
    for (const host of [
      "evil.example:20416",
      "127.0.0.1.evil.example",
      "10.0.0.1",
      "",
      "[::2]",
      "localhost.evil",
    ]) {
      assert.strictEqual(codeOf({ host }), "foreign_host", host)
    }
    assert.isUndefined(codeOf({ host: "sonde.EXAMPLE:80" }))
  })

  it("takes any address, but no name, when it listens on all of them", () => {
    const all = { host: "0.0.0.0", allowedHosts: [] }
    assert.isUndefined(codeOf({ host: "10.1.2.3:20416" }, "GET", all))
    assert.strictEqual(codeOf({ host: "evil.example" }, "GET", all), "foreign_host")
  })

  it("refuses what a browser sends for another site, save opening a page", () => {
    const host = "localhost:20416"
    assert.isUndefined(codeOf({ host, origin: "http://localhost:20416" }))
    assert.strictEqual(codeOf({ host, origin: "http://localhost:3000" }), "foreign_origin")
    assert.strictEqual(codeOf({ host, origin: "null" }), "foreign_origin")
    assert.strictEqual(codeOf({ host, "sec-fetch-site": "cross-site" }), "foreign_origin")
    assert.isUndefined(codeOf({ host, "sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate" }))
    assert.strictEqual(
      codeOf({ host, "sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate" }, "POST"),
      "foreign_origin",
    )
    assert.isUndefined(codeOf({ host, "sec-fetch-site": "same-origin" }))
  })

  it("asks posts for a content type", () => {
    const host = "localhost"
    assert.strictEqual(codeOf({ host }, "POST"), "content_type")
    assert.strictEqual(codeOf({ host, "content-type": "text/plain" }, "POST"), "content_type")
    assert.isUndefined(codeOf({ host, "content-type": "application/json; charset=utf-8" }, "POST"))
  })

  it("never throws", () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (host, origin) => {
        codeOf({ host, origin })
      }),
    )
  })
})
