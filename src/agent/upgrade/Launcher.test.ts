import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type * as Scope from "effect/Scope"
import { spawn } from "node:child_process"
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { tinyPackage, tinyProgram } from "../../runtime/agentPackage/tinyAgent.testing.ts"
import { InstalledVersions } from "./InstalledVersions.ts"
import { launchAgent, type LauncherOptions } from "./Launcher.ts"
import { readRelease, type Release, writeRelease } from "./ReleaseFile.ts"

/** Once it is installed, and unless it ran before. */
const tries = (version: string) => `
  const look = setInterval(async () => {
    const { existsSync, readFileSync } = await import("node:fs")
    if (readFileSync(process.env.NOTES, "utf8").includes("${version}\\n")) return clearInterval(look)
    if (!existsSync(process.env.VERSIONS + "/v${version}/main.mjs")) return
    clearInterval(look)
    tell({ _tag: "Try", name: "v${version}", version: "${version}", digest: "d${version}", order: 1, tier: 1 })
  }, 20)`
const notes = (what: string) =>
  `(await import("node:fs")).appendFileSync(process.env.NOTES, ${JSON.stringify(`${what}\n`)})`
const proves = 'tell({ _tag: "Proved" })'

/** A data directory, versions installed in it, and a launcher whose own tree is a program of a few lines. */
const world = (
  own: string,
  installed: Readonly<Record<string, string>>,
  options: Partial<LauncherOptions> = {},
) =>
  Effect.gen(function* () {
    const data = yield* Effect.acquireRelease(
      Effect.sync(() => mkdtempSync(join(tmpdir(), "sonde-launcher-"))),
      (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true })),
    )
    const noted = join(data, "notes")
    writeFileSync(noted, "")
    writeFileSync(join(data, "own.mjs"), tinyProgram("0.1", `${notes("own")};\n${own}`))
    const versions = new InstalledVersions(data)
    const install = (version: string, work: string) => {
      const file = join(data, "package")
      writeFileSync(file, tinyPackage(version, tinyProgram(version, `${notes(version)};\n${work}`)))
      return versions.install(`v${version}`, version, file)
    }
    for (const [version, work] of Object.entries(installed)) yield* install(version, work)
    const launcher: LauncherOptions = {
      data,
      own: { node: process.execPath, entry: join(data, "own.mjs"), version: "0.1" },
      trialMs: 30_000,
      retryMs: 10,
      start: ({ entry, node }) =>
        spawn(node, [entry], {
          stdio: ["pipe", "ignore", "inherit", "ipc"],
          env: { ...process.env, NOTES: noted, VERSIONS: join(data, "agent", "versions") },
        }),
      ...options,
    }
    return {
      data,
      install,
      run: launchAgent(launcher),
      release: () => readRelease(data, "0.1"),
      started: () => readFileSync(noted, "utf8").trim().split("\n"),
      until: (isSo: (release: Release) => boolean) =>
        Effect.gen(function* () {
          while (!isSo(readRelease(data, "0.1"))) yield* Effect.sleep(20)
        }),
    }
  })

const live = <E>(name: string, test: Effect.Effect<void, E, Scope.Scope>) =>
  it.live(name, () => Effect.scoped(test), 60_000)

describe("launchAgent", () => {
  live(
    "keeps a version that proves itself, and the one before it",
    Effect.gen(function* () {
      const { data, install, release, run, started, until } = yield* world(`${tries("1")}; stay()`, {
        "1": `${proves}; ${tries("2")}; stay()`,
        "0": "",
      })
      const fiber = yield* Effect.forkChild(run)
      yield* until(({ current }) => current?.version === "1")
      while (existsSync(join(data, "agent", "versions", "v0"))) yield* Effect.sleep(20)
      yield* install("2", `${proves}; stay()`)
      yield* until(({ current }) => current?.version === "2")
      assert.deepInclude(release(), { trying: null, refused: [] })
      assert.strictEqual(release().previous?.version, "1")
      assert.deepStrictEqual(started(), ["own", "1", "2"])
      assert.isTrue(existsSync(join(data, "agent", "versions", "v1")))
      yield* Fiber.interrupt(fiber)
      // The next launcher begins where this one stopped.
      const again = yield* Effect.forkChild(run)
      while (started().length < 4) yield* Effect.sleep(20)
      assert.deepStrictEqual(started(), ["own", "1", "2", "2"])
      yield* Fiber.interrupt(again)
    }),
  )

  live(
    "goes back when a new version ends, does not prove itself, or is damaged, and says why",
    Effect.gen(function* () {
      for (const [work, why] of [
        ["process.exit(3)", "ended with status 3"],
        [
          'tell({ _tag: "Unwell", why: "it has no server" }); stay()',
          "did not work after 1.5 s: it has no server",
        ],
        ["process.kill(process.pid, 'SIGKILL')", "ended with signal SIGKILL"],
      ] as const) {
        const { release, run, started } = yield* world(
          `${tries("1")}; stay()`,
          { "1": work },
          { trialMs: 1_500 },
        )
        const fiber = yield* Effect.forkChild(run)
        while (started().length < 3) yield* Effect.sleep(20)
        assert.deepStrictEqual(started(), ["own", "1", "own"])
        assert.deepInclude(release(), { current: null, trying: null })
        assert.deepStrictEqual(release().refused, [{ version: "1", digest: "d1", order: 1, problem: why }])
        yield* Fiber.interrupt(fiber)
      }
      const { data, release, run, started, until } = yield* world(`${tries("1")}; stay()`, {
        "1": proves,
      })
      rmSync(join(data, "agent", "versions", "v1", "deep/er/empty.txt"))
      const fiber = yield* Effect.forkChild(run)
      yield* until(({ refused }) => refused.length === 1)
      assert.include(release().refused[0]?.problem, "it is damaged")
      while (started().length < 2) yield* Effect.sleep(20)
      assert.deepStrictEqual(started(), ["own", "own"])
      yield* Fiber.interrupt(fiber)
    }),
  )

  live(
    "falls back to the last good version when one keeps ending after it was kept",
    Effect.gen(function* () {
      const { install, release, run, started, until } = yield* world(`${tries("1")}; stay()`, {
        "1": `${proves}; ${tries("2")}; stay()`,
      })
      const fiber = yield* Effect.forkChild(run)
      yield* until(({ current }) => current?.version === "1")
      yield* install("2", `${proves}; setTimeout(() => process.exit(9), 300)`)
      yield* until(({ refused }) => refused.length === 1)
      assert.strictEqual(release().current?.version, "1")
      assert.match(release().refused[0]!.problem, /^it ended 3 times within 5 minutes: ended with status 9$/)
      while (started().length < 6) yield* Effect.sleep(20)
      assert.deepStrictEqual(started(), ["own", "1", "2", "2", "2", "1"])
      yield* Fiber.interrupt(fiber)
    }),
  )

  live(
    "gives up a version that was cut off twice in its trial, and goes back to its own tree when asked to",
    Effect.gen(function* () {
      const { data, release, run, started, until } = yield* world("stay()", {
        "1": `${proves}; tell({ _tag: "Leave" }); stay()`,
      })
      const trying = { name: "v1", version: "1", digest: "d1", order: 1, tier: 1 }
      writeRelease(data, { ...release(), trying: { ...trying, times: 2 } })
      const first = yield* Effect.forkChild(run)
      yield* until(({ refused }) => refused.length === 1)
      assert.include(release().refused[0]?.problem, "it was cut off 2 times")
      while (started()[0] !== "own") yield* Effect.sleep(20)
      yield* Fiber.interrupt(first)
      writeRelease(data, { ...release(), refused: [], trying: { ...trying, times: 1 } })
      const second = yield* Effect.forkChild(run)
      while (started().length < 3) yield* Effect.sleep(20)
      assert.deepStrictEqual(started(), ["own", "1", "own"])
      assert.deepInclude(release(), { current: null, previous: null, trying: null, refused: [] })
      yield* Fiber.interrupt(second)
      // Somebody replaced the tree on the machine: what servers said of the one before counts no more.
      writeRelease(data, { ...release(), current: { name: "v1", version: "1", digest: "d1", order: 1 } })
      assert.isNull(readRelease(data, "0.2").current)
      writeFileSync(join(data, "agent", "release.json"), "{")
      assert.isNull(release().current)
    }),
  )

  live(
    "ends when the agent of its own tree does",
    Effect.gen(function* () {
      const failed = yield* Effect.flip((yield* world("process.exit(7)", {})).run)
      assert.deepInclude(failed, { message: "the agent ended with status 7", isOrderly: false })
      const ended = yield* Effect.flip((yield* world("process.exit(0)", {})).run)
      assert.isTrue(ended.isOrderly)
    }),
  )
})
