import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { tinyPackage, tinyProgram } from "../../runtime/agentPackage/tinyAgent.testing.ts"
import { digestOf, makeSigningKey, signPackage } from "../../runtime/packageSignature.ts"
import type { PackageDirective } from "../control/ControlSession.ts"
import { PackageStore } from "../control/PackageStore.ts"
import type { LauncherMessage } from "./launcherMessages.ts"
import { ownRelease, type Release } from "./ReleaseFile.ts"
import { UsedPackages } from "./UsedPackages.ts"

const world = (changes: Partial<Release> = {}, hasLauncher = true) =>
  Effect.gen(function* () {
    const data = yield* Effect.acquireRelease(
      Effect.sync(() => mkdtempSync(join(tmpdir(), "sonde-used-"))),
      (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true })),
    )
    const keyFile = join(data, "key.pem")
    const key = yield* makeSigningKey(keyFile)
    const told: Array<LauncherMessage> = []
    const packages = new UsedPackages({
      data,
      store: new PackageStore(join(data, "packages"), [key]),
      launcher: hasLauncher
        ? {
            release: { ...ownRelease("0.1"), ...changes },
            tell: (message) => void told.push(message),
            startArguments: ["agent"],
          }
        : undefined,
      tier: () => 1,
    })
    let fetched = 0
    const use = (bytes: Uint8Array, offer: Partial<PackageDirective> = {}) =>
      Effect.gen(function* () {
        const { signature } = yield* signPackage(bytes, readFileSync(keyFile))
        const { packageProblem } = packages.report()
        yield* packages.use(
          {
            _tag: "Package",
            kind: "agent",
            name: "sonde-agent",
            version: "2",
            digest: digestOf(bytes),
            bytes: bytes.length,
            signature,
            order: 7,
            ...offer,
          },
          (offset) => {
            fetched++
            return Stream.make(bytes.subarray(offset))
          },
        )
        return { before: packageProblem, after: packages.report().packageProblem }
      })
    return { data, packages, told, use, fetched: () => fetched }
  })

const live = (name: string, test: Effect.Effect<void, unknown, Scope.Scope>) =>
  it.live(name, () => Effect.scoped(test))

const good = tinyPackage("2", tinyProgram("2", "stay()"))
const installed = { name: "v2", version: "2", digest: digestOf(good), order: 7 }

describe("UsedPackages", () => {
  live(
    "installs and checks a version, and hands it to the launcher once",
    Effect.gen(function* () {
      const { data, fetched, packages, told, use } = yield* world()
      assert.deepStrictEqual(packages.report().release, { isOwn: true, wanted: "", lastGood: "0.1" })
      assert.deepStrictEqual(yield* use(good), { before: "", after: "" })
      const name = `2-${digestOf(good).slice(0, 16)}`
      assert.deepStrictEqual(told, [
        { _tag: "Try", name, version: "2", digest: digestOf(good), order: 7, tier: 1 },
      ])
      assert.isTrue(existsSync(join(data, "agent", "versions", name, "main.mjs")))
      // It has not proved itself yet.
      assert.deepStrictEqual(packages.report().packages, [])
      yield* use(good)
      assert.lengthOf(told, 1)
      assert.strictEqual(fetched(), 1)
    }),
  )

  live(
    "says why a version cannot be used",
    Effect.gen(function* () {
      const { told, use } = yield* world()
      const wrong = tinyPackage("2", tinyProgram("another", "stay()"))
      assert.strictEqual(
        (yield* use(wrong)).after,
        "version 2: its self-check failed: it says that it is another",
      )
      const broken = tinyPackage("2", "throw new Error('what a pity')")
      assert.include((yield* use(broken)).after, "what a pity")
      assert.include((yield* use(tinyPackage("2", "", { platform: "x" }))).after, "version 2: it is for x")
      assert.include((yield* use(good, { signature: "AAAA" })).after, "not signed by a key")
      assert.lengthOf(told, 0)
      const alone = yield* world({}, false)
      assert.include((yield* alone.use(good)).after, "there is no launcher above this agent")
    }),
  )

  live(
    "does not try again what was given up, until that is wanted anew",
    Effect.gen(function* () {
      const { digest, order, version } = installed
      const { told, use } = yield* world({
        refused: [{ version, digest, order, problem: "ended with status 3" }],
      })
      assert.strictEqual(
        (yield* use(good)).after,
        "version 2: ended with status 3 (not tried again until it is rolled out anew)",
      )
      assert.lengthOf(told, 0)
      assert.strictEqual((yield* use(good, { order: 8 })).after, "")
      assert.lengthOf(told, 1)
    }),
  )

  live(
    "reports the version that it runs from once that has proved itself, and leaves it when it is not wanted",
    Effect.gen(function* () {
      const { fetched, packages, told, use } = yield* world({ trying: { ...installed, tier: 1, times: 1 } })
      let trouble = "it has no server"
      assert.deepStrictEqual(packages.report().packages, [])
      const proving = yield* Effect.forkChild(
        packages.prove(
          300,
          () => trouble,
          () => true,
        ),
      )
      const using = yield* Effect.forkChild(use(good))
      while (told.length === 0) yield* Effect.sleep(10)
      assert.deepStrictEqual(told, [{ _tag: "Unwell", why: "it has no server" }])
      trouble = ""
      yield* Fiber.join(proving)
      yield* Fiber.join(using)
      assert.deepStrictEqual(told[1], { _tag: "Proved" })
      assert.strictEqual(fetched(), 0)
      assert.deepStrictEqual(packages.report(), {
        packages: [{ name: "sonde-agent", version: "2", digest: digestOf(good) }],
        packageProblem: "",
        release: { isOwn: false, wanted: "2", lastGood: "0.1" },
      })
      yield* packages.only(["sonde-agent"])
      assert.lengthOf(told, 2)
      yield* packages.only([])
      yield* packages.only([])
      assert.deepStrictEqual(told.slice(2), [{ _tag: "Leave" }])
    }),
  )

  live(
    "does not prove itself with less capture than before",
    Effect.gen(function* () {
      const { packages, told } = yield* world({ trying: { ...installed, tier: 0, times: 1 } })
      const proving = yield* Effect.forkChild(
        packages.prove(
          100,
          () => "",
          () => true,
        ),
      )
      while (told.length === 0) yield* Effect.sleep(10)
      assert.deepStrictEqual(told, [
        { _tag: "Unwell", why: "captures with less than before (tier 1, it was 0)" },
      ])
      yield* Fiber.interrupt(proving)
    }),
  )

  live(
    "keeps plugins as long as they are wanted",
    Effect.gen(function* () {
      const { packages, use } = yield* world()
      const bytes = Buffer.from("a plugin")
      yield* use(bytes, { kind: "plugin", name: "plug", version: "1" })
      yield* use(bytes, { kind: "plugin", name: "bad", version: "1", signature: "AAAA" })
      assert.deepStrictEqual(packages.report().packages, [
        { name: "plug", version: "1", digest: digestOf(bytes) },
      ])
      assert.include(packages.report().packageProblem, "package bad 1")
      yield* packages.only([])
      assert.deepStrictEqual(packages.report().packages, [])
      assert.strictEqual(packages.report().packageProblem, "")
    }),
  )
})
