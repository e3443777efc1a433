import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type * as HttpServerResponse from "effect/http/HttpServerResponse"
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { brotliDecompressSync, gunzipSync } from "node:zlib"
import { makeStaticFiles } from "./StaticFiles.ts"

const script = "console.log('hello')\n".repeat(100)

const build = (directory: string): void => {
  mkdirSync(join(directory, "assets"), { recursive: true })
  writeFileSync(join(directory, "index.html"), "<!doctype html><title>Console</title>")
  writeFileSync(join(directory, "assets/app-0a1b2c3d.js"), script)
}

const withDirectory = <A>(use: (directory: string) => Effect.Effect<A>) =>
  Effect.acquireUseRelease(
    Effect.sync(() => mkdtempSync(join(tmpdir(), "sonde-web-"))),
    use,
    (directory) => Effect.sync(() => rmSync(directory, { recursive: true })),
  )

const bytesOf = (response: HttpServerResponse.HttpServerResponse): Uint8Array =>
  response.body._tag === "Uint8Array" ? response.body.body : new Uint8Array()

const textOf = (response: HttpServerResponse.HttpServerResponse): string =>
  new TextDecoder().decode(bytesOf(response))

describe("makeStaticFiles", () => {
  it.effect("serves files with type, policy and caching by whether the name holds a hash", () =>
    withDirectory((directory) =>
      Effect.gen(function* () {
        build(directory)
        const serve = makeStaticFiles(directory)
        const page = yield* serve({ url: "/", headers: {} })
        assert.strictEqual(page.status, 200)
        assert.include(textOf(page), "Console")
        assert.strictEqual(page.headers["cache-control"], "no-cache")
        assert.include(page.headers["content-security-policy"], "default-src 'self'")
        assert.strictEqual(page.headers["x-content-type-options"], "nosniff")
        const asset = yield* serve({ url: "/assets/app-0a1b2c3d.js?x=1", headers: {} })
        assert.strictEqual(textOf(asset), script)
        assert.strictEqual(asset.headers["content-type"], "text/javascript; charset=utf-8")
        assert.include(asset.headers["cache-control"], "immutable")
      }),
    ),
  )

  it.effect("compresses as the browser accepts", () =>
    withDirectory((directory) =>
      Effect.gen(function* () {
        build(directory)
        const serve = makeStaticFiles(directory)
        const url = "/assets/app-0a1b2c3d.js"
        yield* serve({ url: "/", headers: {} })
        const br = yield* serve({ url, headers: { "accept-encoding": "gzip, deflate, br" } })
        assert.strictEqual(br.headers["content-encoding"], "br")
        assert.strictEqual(brotliDecompressSync(bytesOf(br)).toString(), script)
        const gzip = yield* serve({ url, headers: { "accept-encoding": "gzip, br;q=0" } })
        assert.strictEqual(gzip.headers["content-encoding"], "gzip")
        assert.strictEqual(gunzipSync(bytesOf(gzip)).toString(), script)
      }),
    ),
  )

  it.effect("answers 304 to a known ETag", () =>
    withDirectory((directory) =>
      Effect.gen(function* () {
        build(directory)
        const serve = makeStaticFiles(directory)
        const etag = (yield* serve({ url: "/", headers: {} })).headers["etag"]
        assert.strictEqual((yield* serve({ url: "/", headers: { "if-none-match": etag } })).status, 304)
        assert.strictEqual((yield* serve({ url: "/", headers: { "if-none-match": '"other"' } })).status, 200)
      }),
    ),
  )

  it.effect("gives index.html to pages and nothing to paths that lead out of the directory", () =>
    withDirectory((directory) =>
      Effect.gen(function* () {
        build(join(directory, "web"))
        writeFileSync(join(directory, "secret.txt"), "secret")
        const serve = makeStaticFiles(join(directory, "web"))
        assert.include(textOf(yield* serve({ url: "/requests/123", headers: {} })), "Console")
        for (const url of [
          "/../secret.txt",
          "/%2e%2e/secret.txt",
          "/..%2fsecret.txt",
          "/assets/../../secret.txt",
        ]) {
          assert.strictEqual((yield* serve({ url, headers: {} })).status, 404, url)
        }
        assert.strictEqual((yield* serve({ url: "/%zz", headers: {} })).status, 404)
        assert.strictEqual((yield* serve({ url: "/missing.js", headers: {} })).status, 404)
      }),
    ),
  )

  it.effect("says how to build the console, and shows it once it is built", () =>
    withDirectory((directory) =>
      Effect.gen(function* () {
        const serve = makeStaticFiles(join(directory, "web"))
        const missing = yield* serve({ url: "/", headers: {} })
        assert.strictEqual(missing.status, 503)
        assert.include(textOf(missing), "npm run build:web")
        build(join(directory, "web"))
        assert.include(textOf(yield* serve({ url: "/", headers: {} })), "Console")
      }),
    ),
  )
})
