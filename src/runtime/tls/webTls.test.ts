// The HTTP port's TLS as browsers and commands meet it: hosts in the certificate, files that change, and who is believed.

import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { TestClock } from "effect/testing"
import { createPublicKey } from "node:crypto"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { createServer } from "node:https"
import type { AddressInfo } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { ConnectionOptions } from "node:tls"
import { askHttp, webTrust } from "../askHttp.ts"
import { dayMs, issue, makeAuthority } from "./authority.ts"
import { makeCsr } from "./csr.ts"
import { LiveCredentials } from "./LiveCredentials.ts"
import { pinned, webCertificateFromFiles, webTls } from "./webTls.ts"

const nowMs = Date.now()

const regionOf = (name: string) =>
  Effect.map(makeAuthority(name, nowMs), (authority) => ({
    ca: authority.certificate,
    server: (hosts: ReadonlyArray<string>, atMs = nowMs) => {
      const { key } = makeCsr("s1")
      const identity = { kind: "server", name: "s1" } as const
      const options = { identity, publicKey: createPublicKey(key), days: 7, nowMs: atMs, hosts }
      return Effect.map(issue(authority, options), (certificate) => ({
        key,
        certificate,
        authority: authority.certificate,
      }))
    },
  }))

const serving = (live: LiveCredentials) =>
  Effect.gen(function* () {
    const tls = webTls(live)
    const server = createServer(tls.options(), (_, response) => response.end("hello"))
    yield* Effect.acquireRelease(
      Effect.promise(() => new Promise<void>((ready) => server.listen(0, "127.0.0.1", () => ready()))),
      () => Effect.sync(() => server.close()),
    )
    const unfollow = tls.follow(server)
    yield* Effect.addFinalizer(() => Effect.sync(unfollow))
    const { port } = server.address() as AddressInfo
    return (trust: ConnectionOptions, host = "127.0.0.1") =>
      Effect.tryPromise((signal) =>
        askHttp(`https://${host}:${port}/`, { tls: trust, bytesMost: 100, signal }),
      ).pipe(
        Effect.map(({ text }) => text),
        Effect.catch(({ cause }) => Effect.succeed((cause as Error).message)),
      )
  })

const data = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "sonde-web-"))),
  (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true })),
)

describe("webTls", () => {
  it.live("is known by the authority: by hosts to browsers, by identity to Sonde", () =>
    Effect.gen(function* () {
      const region = yield* regionOf("north")
      const other = yield* regionOf("south")
      const hosts = ["localhost", "127.0.0.1", "::1", "2001:db8::7", "sonde.example", "no host at all"]
      const live = new LiveCredentials(yield* region.server(hosts))
      const ask = yield* serving(live)
      assert.strictEqual(yield* ask({ ca: region.ca }), "hello")
      assert.strictEqual(yield* ask({ ca: region.ca }, "localhost"), "hello")
      assert.include(yield* ask({}), "of another authority")
      assert.include(yield* ask({ ca: other.ca }), "of another authority")
      // Without a host in it, it is good for those who know its identity.
      live.replace(yield* region.server([]))
      assert.include(yield* ask({ ca: region.ca }), "127.0.0.1")
      assert.strictEqual(yield* ask(webTrust(region.ca)), "hello")
      assert.strictEqual(yield* ask(webTrust(region.ca, "north")), "hello")
      assert.include(yield* ask(webTrust(region.ca, "south")), "127.0.0.1")
      assert.include(yield* ask(webTrust(region.ca + other.ca, "south")), "127.0.0.1")
    }).pipe(Effect.scoped),
  )

  it.effect("takes files over when they change, and keeps what works when they are broken", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(nowMs)
      const directory = yield* data
      const region = yield* regionOf("north")
      const [certificate, key] = [join(directory, "cert.pem"), join(directory, "key.pem")]
      const why = Effect.map(Effect.flip(webCertificateFromFiles(certificate, key)), ({ message }) => message)
      assert.include(yield* why, `${certificate} cannot be read (ENOENT)`)
      const first = yield* region.server(["127.0.0.1"])
      const second = yield* region.server(["127.0.0.1"])
      writeFileSync(certificate, first.certificate)
      writeFileSync(key, second.key)
      assert.include(yield* why, "is not the key of")
      writeFileSync(key, "no key")
      assert.include(yield* why, `${key} is no private key`)
      const old = yield* region.server([], nowMs - 30 * dayMs)
      writeFileSync(certificate, old.certificate)
      writeFileSync(key, old.key)
      assert.include(yield* why, "ended at")

      writeFileSync(certificate, first.certificate)
      writeFileSync(key, first.key)
      const live = yield* webCertificateFromFiles(certificate, key)
      const ask = yield* serving(live)
      assert.strictEqual(yield* ask(pinned(first.certificate)), "hello")
      writeFileSync(certificate, second.certificate)
      yield* TestClock.adjust("10 seconds")
      assert.strictEqual(live.current.certificate, first.certificate)
      writeFileSync(key, second.key)
      yield* TestClock.adjust("10 seconds")
      assert.strictEqual(live.current.certificate, second.certificate)
      assert.strictEqual(yield* ask(pinned(second.certificate)), "hello")
      assert.notStrictEqual(yield* ask(pinned(first.certificate)), "hello")
    }).pipe(Effect.scoped),
  )
})
