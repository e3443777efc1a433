import { assert, describe, it } from "@effect/vitest"
import { spawn } from "node:child_process"
import { readFileSync, statSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as References from "effect/References"
import * as Scope from "effect/Scope"
import { CoordinationFile } from "./CoordinationFile.ts"
import { temporaryDirectory } from "./etcd.testing.ts"
import { MemoryStore } from "./memory.ts"

const live = (name: string, test: Effect.Effect<void, unknown, Scope.Scope>, timeoutMs?: number) =>
  it.live(name, () => Effect.provideService(test, References.MinimumLogLevel, "None"), timeoutMs)

/** A store on `path`, closed behind `use`. */
const withStore = <A>(path: string, use: (store: MemoryStore) => A) =>
  Effect.scoped(Effect.map(CoordinationFile.open(path), (file) => use(new MemoryStore(file))))

const put = (store: MemoryStore, key: string, value: string) => store.commit([], [{ put: key, value }])

const child = fileURLToPath(new URL("storeChild.fixture.ts", import.meta.url))

/** Runs the child until it has acknowledged `count` writes more, kills it; gives the last that it had told of. */
const runAndKill = (path: string, count: number) =>
  Effect.callback<number>((resume) => {
    const running = spawn(process.execPath, ["--disable-warning=ExperimentalWarning", child, path], {
      stdio: ["ignore", "pipe", "inherit"],
    })
    let text = ""
    running.stdout.on("data", (bytes: Buffer) => {
      text += bytes.toString()
      if (text.split("\n").length > count) running.kill("SIGKILL")
    })
    running.on("close", () => {
      const lines = text.split("\n").slice(0, -1)
      resume(Effect.succeed(Number(lines.at(-1) ?? -1)))
    })
  })

describe("CoordinationFile", () => {
  live(
    "keeps what has no lease, with its revisions, and never gives a revision twice",
    Effect.gen(function* () {
      const path = join(yield* temporaryDirectory, "sub", "store")
      const before = yield* withStore(path, (store) => {
        put(store, "a", "1")
        put(store, "b", "1")
        put(store, "a", "2\n\u2028é")
        store.commit([], [{ remove: "b" }])
        return { entries: store.list(""), revision: store.revision }
      })
      yield* withStore(path, (store) => {
        assert.deepEqual(store.list(""), before.entries)
        assert.isAbove(store.revision, before.revision)
      })
    }),
  )

  live(
    "a key that came under a lease is not kept, nor its old value",
    Effect.gen(function* () {
      const path = join(yield* temporaryDirectory, "store")
      yield* Effect.scoped(
        Effect.gen(function* () {
          const store = new MemoryStore(yield* CoordinationFile.open(path))
          put(store, "a", "kept")
          const lease = yield* store.grant(2_000)
          store.commit([], [{ put: "a", value: "leased", lease }])
          assert.strictEqual(store.get("a")?.value, "leased")
        }),
      )
      yield* withStore(path, (store) => assert.isUndefined(store.get("a")))
    }),
  )

  live(
    "drops a torn end wherever it was torn, and goes on behind it",
    Effect.gen(function* () {
      const path = join(yield* temporaryDirectory, "store")
      yield* withStore(path, (store) => {
        put(store, "a", "1")
        put(store, "b", "é")
      })
      const whole = readFileSync(path)
      const ends = [...whole.keys()].filter((at) => whole[at] === 0x0a).map((at) => at + 1)
      for (let bytes = 0; bytes <= whole.length; bytes++) {
        writeFileSync(path, whole.subarray(0, bytes))
        const keys = yield* withStore(path, (store) => {
          const found = store.list("").map(({ key }) => key)
          put(store, "c", "new")
          return found
        })
        const lines = ends.filter((end) => end <= bytes).length
        assert.deepEqual(keys, ["a", "b"].slice(0, Math.max(0, lines - 1)), `${bytes} bytes`)
        yield* withStore(path, (store) => assert.strictEqual(store.get("c")?.value, "new"))
      }
    }),
  )

  live(
    "refuses a damaged file, one of another version, and one that is in use",
    Effect.gen(function* () {
      const path = join(yield* temporaryDirectory, "store")
      yield* withStore(path, (store) => {
        put(store, "a", "1")
        put(store, "b", "1")
      })
      const messageOf = Effect.map(
        Effect.flip(Effect.scoped(CoordinationFile.open(path))),
        ({ message }) => message,
      )
      const lines = readFileSync(path, "utf8").split("\n")
      writeFileSync(path, [lines[0], lines[1].replace("{", "["), lines[2], ""].join("\n"))
      assert.match(yield* messageOf, /damaged at line 2/)
      writeFileSync(path, '{"sonde":"coordination","version":2}\n')
      assert.match(yield* messageOf, /not a file of this version/)
      writeFileSync(path, "")
      const scope = yield* Scope.make()
      yield* Scope.provide(CoordinationFile.open(path), scope)
      assert.match(yield* messageOf, /is in use by process \d+/)
      yield* Scope.close(scope, Exit.void)
      yield* withStore(path, () => undefined)
    }),
  )

  live(
    "is rewritten when most of it is of the past",
    Effect.gen(function* () {
      const path = join(yield* temporaryDirectory, "store")
      const value = "x".repeat(100_000)
      yield* withStore(path, (store) => {
        put(store, "a", "first")
        for (let at = 0; at < 100; at++) put(store, "b", value + at)
      })
      assert.isBelow(statSync(path).size, 2_000_000)
      yield* withStore(path, (store) => {
        assert.strictEqual(store.get("a")?.value, "first")
        assert.strictEqual(store.get("b")?.value, `${value}99`)
      })
    }),
  )

  live(
    "has everything that was acknowledged when its process is killed",
    Effect.gen(function* () {
      const path = join(yield* temporaryDirectory, "store")
      for (const count of [1, 50, 400, 700]) {
        const last = yield* runAndKill(path, count)
        yield* withStore(path, (store) => {
          const kept = store.list("k/")
          assert.isAtLeast(kept.length, last + 1)
          kept.forEach(({ value }, at) => assert.strictEqual(value, String(at)))
          assert.isTrue(store.get("same")!.value.endsWith(`x${kept.length - 1}`))
          assert.isUndefined(store.get("leased"))
        })
      }
    }),
    60_000,
  )
})
