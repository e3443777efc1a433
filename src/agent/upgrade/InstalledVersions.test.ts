import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { appendFileSync, existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { tarFile } from "../../runtime/agentPackage/tar.ts"
import { tinyPackage } from "../../runtime/agentPackage/tinyAgent.testing.ts"
import { InstalledVersions } from "./InstalledVersions.ts"

const world = Effect.gen(function* () {
  const data = yield* Effect.acquireRelease(
    Effect.sync(() => mkdtempSync(join(tmpdir(), "sonde-versions-"))),
    (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true })),
  )
  const versions = new InstalledVersions(data)
  const install = (name: string, bytes: Uint8Array, version = "1.0") => {
    writeFileSync(join(data, "package"), bytes)
    return versions.install(name, version, join(data, "package"))
  }
  const why = (name: string, bytes: Uint8Array, version?: string) =>
    Effect.map(Effect.flip(install(name, bytes, version)), ({ message }) => message)
  return { data, versions, install, why, at: (name: string) => join(data, "agent", "versions", name) }
})

describe("InstalledVersions", () => {
  it.live("unpacks a package once and gives its program", () =>
    Effect.gen(function* () {
      const { at, install, versions } = yield* world
      const program = yield* install("one", tinyPackage("1.0", "hello"))
      assert.deepStrictEqual(program, {
        node: process.execPath,
        entry: join(at("one"), "main.mjs"),
        version: "1.0",
      })
      assert.isTrue(existsSync(join(at("one"), "deep/er/empty.txt")))
      assert.deepStrictEqual(yield* install("one", Buffer.from("not looked at")), program)
      yield* install("two", tinyPackage("1.0", "hello"))
      versions.keepOnly(["two"])
      assert.deepStrictEqual(versions.program("one"), { why: "version one is not installed" })
      assert.notProperty(versions.program("two"), "why")
      assert.property(versions.program("../two"), "why")
    }).pipe(Effect.scoped),
  )

  it.live("refuses what cannot run here, and leaves nothing of it", () =>
    Effect.gen(function* () {
      const { data, why } = yield* world
      assert.include(
        yield* why("a", tinyPackage("1.0", "x", { platform: "plan9-mips" })),
        "it is for plan9-mips",
      )
      assert.include(yield* why("a", tinyPackage("1.0", "x", { node: "99.0.0" })), "it needs Node 99.0.0")
      assert.include(
        yield* why("a", tinyPackage("1.0", "x", { entry: "other.mjs" })),
        "other.mjs is not in it",
      )
      assert.include(
        yield* why("a", tinyPackage("1.0", "x", { runtime: "bin/node" })),
        "bin/node is not in it",
      )
      assert.include(yield* why("a", tinyPackage("1.0", "x", { checksum: "0" })), "it is damaged")
      assert.include(yield* why("a", tinyPackage("1.1", "x")), "its manifest says 1.1")
      const twice = tarFile("main.mjs", Buffer.from("other"), false)
      assert.include(yield* why("a", tinyPackage("1.0", "x", {}, twice)), "EEXIST")
      assert.include(yield* why("a", Buffer.from("no archive")), "incorrect header check")
      assert.include(yield* why("a", tinyPackage("1.0", "x").subarray(0, 200)), "unexpected end of file")
      assert.deepStrictEqual(readdirSync(join(data, "agent", "versions")), [])
    }).pipe(Effect.scoped),
  )

  it.live("does not start a version whose files changed", () =>
    Effect.gen(function* () {
      const { at, install, versions } = yield* world
      yield* install("one", tinyPackage("1.0", "hello"))
      appendFileSync(join(at("one"), "main.mjs"), "!")
      assert.deepStrictEqual(versions.program("one"), {
        why: "version one: its files are not those of its manifest: it is damaged",
      })
      // The package brings it back.
      assert.notProperty(yield* install("one", tinyPackage("1.0", "hello")), "why")
      writeFileSync(join(at("one"), "more.mjs"), "")
      assert.property(versions.program("one"), "why")
    }).pipe(Effect.scoped),
  )
})
