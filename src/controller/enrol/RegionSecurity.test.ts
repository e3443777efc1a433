// Which of a server's ports speak TLS, and with what certificate.

import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { X509Certificate } from "node:crypto"
import { existsSync, mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { loadConfig } from "../../runtime/Config.ts"
import { Region } from "../membership/Region.ts"
import { RegionSecurity } from "./RegionSecurity.ts"

const securityOf = (settings: Readonly<Record<string, string>>) =>
  Effect.gen(function* () {
    const data = yield* Effect.acquireRelease(
      Effect.sync(() => mkdtempSync(join(tmpdir(), "sonde-security-"))),
      (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true })),
    )
    const flags = new Map(Object.entries({ data, ...settings }))
    const config = yield* loadConfig({ environment: {}, flags })
    const context = yield* Layer.build(
      RegionSecurity.layer(config).pipe(
        Layer.provideMerge(Region.layer(config, { version: "test", roles: [] })),
      ),
    )
    return { ...Context.get(context, RegionSecurity), data }
  })

describe("RegionSecurity", () => {
  it.live("leaves everything plain that nobody else can reach", () =>
    Effect.gen(function* () {
      const { clientTls, dataTls, serverTls, webTls } = yield* securityOf({})
      assert.deepStrictEqual(
        [clientTls, dataTls, serverTls, webTls],
        [undefined, undefined, undefined, undefined],
      )
    }).pipe(Effect.scoped),
  )

  it.live(
    "has the HTTP port speak TLS by the names that the server has, and the others by their own rule",
    () =>
      Effect.gen(function* () {
        const { data, serverTls, webTls } = yield* securityOf({
          "http.host": "0.0.0.0",
          "http.allowedHosts": "sonde.example",
          "cluster.host": "2001:db8::1",
        })
        assert.isUndefined(serverTls)
        const names = new X509Certificate(String(webTls!.options().cert)).subjectAltName!.split(", ")
        assert.match(names[0]!, /^URI:sonde:\/\/default\/server\//)
        assert.includeMembers(names, [
          "DNS:localhost",
          "DNS:sonde.example",
          "IP Address:127.0.0.1",
          "IP Address:0:0:0:0:0:0:0:1",
          "IP Address:2001:DB8:0:0:0:0:0:1",
        ])
        assert.isTrue(existsSync(join(data, "tls", "authority.pem")))
        const other = yield* securityOf({ "http.tls": "always", "ingest.host": "0.0.0.0" })
        assert.isDefined(other.webTls)
        assert.isDefined(other.dataTls)
      }).pipe(Effect.scoped),
  )

  it.live("does not start with half a certificate, or one that cannot be read", () =>
    Effect.gen(function* () {
      const half = yield* Effect.flip(securityOf({ "http.host": "0.0.0.0", "http.certificate": "/nowhere" }))
      assert.include(String(half), "http.certificate and http.key: expected both or neither")
      const settings = { "http.host": "0.0.0.0", "http.certificate": "/nowhere", "http.key": "/nowhere" }
      const none = yield* Effect.flip(securityOf(settings))
      assert.include(String(none), "/nowhere cannot be read (ENOENT)")
    }).pipe(Effect.scoped),
  )
})
