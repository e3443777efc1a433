// Regions of the directory are asked over TLS, each known by the authority that it told of.

import { assert, describe, it } from "@effect/vitest"
import { createPublicKey } from "node:crypto"
import { createServer } from "node:https"
import type { AddressInfo } from "node:net"
import * as Effect from "effect/Effect"
import { regionProblem } from "../../runtime/otherRegions.ts"
import { issue, makeAuthority } from "../../runtime/tls/authority.ts"
import { makeCsr } from "../../runtime/tls/csr.ts"
import { LiveCredentials } from "../../runtime/tls/LiveCredentials.ts"
import { webTls } from "../../runtime/tls/webTls.ts"
import type { RegionDirectoryService } from "./RegionDirectory.ts"
import { regionRecord } from "./regions.testing.ts"
import { regionsToAsk } from "./sharing.ts"

const nowMs = Date.now()

describe("regionsToAsk", () => {
  it.live("has those of the directory answer only as who they are", () =>
    Effect.gen(function* () {
      const eu = yield* makeAuthority("eu", nowMs)
      const us = yield* makeAuthority("us", nowMs)
      const { key } = makeCsr("e1")
      const certificate = yield* issue(eu, {
        identity: { kind: "server", name: "e1" },
        publicKey: createPublicKey(key),
        days: 7,
        nowMs,
      })
      const tls = webTls(new LiveCredentials({ key, certificate, authority: eu.certificate }))
      const server = createServer(tls.options(), (_, response) => response.end())
      yield* Effect.acquireRelease(
        Effect.promise(() => new Promise<void>((ready) => server.listen(0, "127.0.0.1", () => ready()))),
        () => Effect.sync(() => server.close()),
      )
      const http = [`https://127.0.0.1:${(server.address() as AddressInfo).port}`]
      const told = (name: string, httpAuthority: string) => ({
        ...regionRecord(name, { http, httpAuthority }),
        heardMs: nowMs,
      })
      const directory: RegionDirectoryService = {
        others: () => [told("eu", eu.certificate), told("fr", eu.certificate), told("us", us.certificate)],
        get: () => undefined,
        state: () => ({ store: "", revision: 0, contactMs: nowMs, problem: "" }),
        isAway: () => false,
      }
      const [first, ...others] = yield* Effect.forEach(regionsToAsk([], directory), regionProblem)
      assert.strictEqual(first, "")
      assert.lengthOf(others, 2)
      for (const problem of others) assert.notStrictEqual(problem, "")
      const configured = { name: "eu", url: "http://10.0.0.1" }
      assert.deepStrictEqual(
        regionsToAsk([configured], directory).filter(({ name }) => name === "eu"),
        [configured],
      )
    }).pipe(Effect.scoped),
  )
})
