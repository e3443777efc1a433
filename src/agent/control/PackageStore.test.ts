import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { randomBytes } from "node:crypto"
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { digestOf, makeSigningKey, signPackage } from "../../runtime/packageSignature.ts"
import type { PackageDirective } from "./ControlSession.ts"
import { PackageStore } from "./PackageStore.ts"

const broken = { message: "the connection broke" }

/** Bytes from an offset on in chunks; breaks before `until`. */
const source =
  (bytes: Uint8Array, until = bytes.length, asked: Array<number> = []) =>
  (offset: number): Stream.Stream<Uint8Array, { readonly message: string }> => {
    asked.push(offset)
    const chunks: Array<Uint8Array> = []
    for (let at = offset; at < until; at += 1_000)
      chunks.push(bytes.subarray(at, Math.min(at + 1_000, until)))
    return Stream.concat(
      Stream.fromIterable(chunks),
      until < bytes.length ? Stream.fail(broken) : Stream.empty,
    )
  }

const world = Effect.gen(function* () {
  const directory = yield* Effect.acquireRelease(
    Effect.sync(() => mkdtempSync(join(tmpdir(), "sonde-package-"))),
    (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true })),
  )
  const keyFile = join(directory, "key.pem")
  const key = yield* makeSigningKey(keyFile)
  const offer = (bytes: Uint8Array, changes: Partial<PackageDirective> = {}) =>
    Effect.map(signPackage(bytes, readFileSync(keyFile)), ({ signature }): PackageDirective => ({
      _tag: "Package",
      kind: "plugin",
      name: "plug",
      version: "1",
      digest: digestOf(bytes),
      bytes: bytes.length,
      signature,
      ...changes,
    }))
  const kept = join(directory, "kept")
  return { offer, kept, store: new PackageStore(kept, [key]) }
})

const live = (name: string, test: Effect.Effect<void, unknown, Scope.Scope>) =>
  it.live(name, () => Effect.scoped(test))

describe("PackageStore", () => {
  live(
    "goes on where a broken fetch stopped, and fetches once",
    Effect.gen(function* () {
      const { offer, store } = yield* world
      const bytes = randomBytes(10_500)
      const asked: Array<number> = []
      const directive = yield* offer(bytes)
      assert.deepStrictEqual(yield* Effect.flip(store.obtain(directive, source(bytes, 4_000, asked))), broken)
      const { file } = yield* store.obtain(directive, source(bytes, bytes.length, asked))
      assert.isTrue(readFileSync(file).equals(bytes))
      yield* store.obtain(directive, source(bytes, bytes.length, asked))
      assert.deepStrictEqual(asked, [0, 4_000])
    }),
  )

  live(
    "keeps nothing that is not what was signed",
    Effect.gen(function* () {
      const { kept, offer, store } = yield* world
      const bytes = randomBytes(3_000)
      const other = randomBytes(3_000)
      const wrongBytes = yield* Effect.flip(store.obtain(yield* offer(bytes), source(other)))
      assert.include(wrongBytes.message, `its digest is ${digestOf(other)}, expected was ${digestOf(bytes)}`)
      const longer = yield* Effect.flip(
        store.obtain(yield* offer(bytes), source(Buffer.concat([bytes, Buffer.from("x")]))),
      )
      assert.include(longer.message, "more than the 3000 bytes")
      for (const [changes, message] of [
        [{ digest: digestOf(other) }, "not signed by a key that this agent trusts"],
        [{ signature: "" }, "not signed"],
        [{ name: "../../etc/passwd" }, "is not one"],
        [{ version: ".." }, "is not one"],
        [{ bytes: 1e12 }, "are the most"],
      ] as const) {
        const asked: Array<number> = []
        const error = yield* Effect.flip(store.obtain(yield* offer(bytes, changes), source(bytes, 0, asked)))
        assert.include(error.message, message)
        assert.deepStrictEqual(asked, [], "nothing is fetched")
      }
      const none = new PackageStore(kept, [])
      assert.include(
        (yield* Effect.flip(none.obtain(yield* offer(bytes), source(bytes)))).message,
        "agent.packageKeys",
      )
      assert.deepStrictEqual(readdirSync(join(kept, "plug")), [])
    }),
  )

  live(
    "keeps the last three versions",
    Effect.gen(function* () {
      const { kept, offer, store } = yield* world
      for (let version = 1; version <= 5; version++) {
        const bytes = randomBytes(10)
        yield* store.obtain(yield* offer(bytes, { version: String(version) }), source(bytes))
        yield* Effect.sleep(15)
      }
      const versions = readdirSync(join(kept, "plug")).map((name) => name.split("-")[0])
      assert.deepStrictEqual(versions.toSorted(), ["3", "4", "5"])
    }),
  )
})
