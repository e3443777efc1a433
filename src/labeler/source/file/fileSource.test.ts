import { chmodSync, mkdtempSync, renameSync, rmSync, symlinkSync, truncateSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import type { SourceUpdate } from "../ResourceSource.ts"
import { fileSource } from "./fileSource.ts"

let directory = ""
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "sonde-file-"))
})
afterEach(() => rmSync(directory, { recursive: true, force: true }))

/** Runs the source on a path while `use` changes files; `next` waits for what it tells, for a moment. */
const watching = (
  path: string,
  use: (next: () => Promise<string>) => Promise<void>,
  withinMs = 1_500,
): Promise<void> =>
  Effect.runPromise(
    Effect.gen(function* () {
      const told: Array<SourceUpdate> = []
      const fiber = yield* Effect.forkChild(
        fileSource(path).run((update) => Effect.sync(() => void told.push(update))),
      )
      const next = async (): Promise<string> => {
        const startedMs = performance.now()
        while (told.length === 0) {
          if (performance.now() - startedMs > withinMs) throw new Error("nothing was told")
          await new Promise((resolve) => setTimeout(resolve, 10))
        }
        const update = told.shift()!
        if (update.type === "problem") return update.message
        return update.type === "snapshot" ? update.records.map(({ name }) => name).join(" ") : "delta"
      }
      yield* Effect.promise(() => use(next))
      yield* Fiber.interrupt(fiber)
      expect(told).toEqual([])
    }),
  )

const hosts = (...names: ReadonlyArray<string>): string =>
  ["kind,name", ...names.map((name) => `chost,${name}`), ""].join("\n")

describe("fileSource", () => {
  it("reads a file again when it is written, replaced, comes or goes", async () => {
    const path = join(directory, "hosts.csv")
    await watching(path, async (next) => {
      expect(await next()).toBe(`${path} is not there`)
      writeFileSync(path, hosts("a"))
      expect(await next()).toBe("a")
      writeFileSync(path, hosts("a", "b"))
      expect(await next()).toBe("a b")
      writeFileSync(`${path}.new`, hosts("c"))
      renameSync(`${path}.new`, path)
      expect(await next()).toBe("c")
      rmSync(path)
      expect(await next()).toBe(`${path} is not there`)
    })
  })

  it("follows links that are exchanged, as Kubernetes does with mounted files", async () => {
    writeFileSync(join(directory, "one.csv"), hosts("a"))
    writeFileSync(join(directory, "two.csv"), hosts("b"))
    const path = join(directory, "link.csv")
    symlinkSync("one.csv", path)
    await watching(path, async (next) => {
      expect(await next()).toBe("a")
      symlinkSync("two.csv", `${path}.new`)
      renameSync(`${path}.new`, path)
      expect(await next()).toBe("b")
    })
  })

  it("waits until a file that is being written is quiet", async () => {
    const path = join(directory, "hosts.csv")
    writeFileSync(path, "kind,name\n")
    await watching(path, async (next) => {
      expect(await next()).toBe("")
      for (let size = 1; size <= 4; size++) {
        writeFileSync(path, hosts("a", "b", "c", "d").slice(0, 14 + size * 2))
        await new Promise((resolve) => setTimeout(resolve, 40))
      }
      writeFileSync(path, hosts("a", "b", "c", "d"))
      expect(await next()).toBe("a b c d")
    })
  })

  it("parses a large file without holding up others, and says what is wrong with it", async () => {
    const path = join(directory, "large.yaml")
    const items = (count: number) =>
      Array.from({ length: count }, (_, i) => `  - {kind: chost, name: h${i}, tags: {owner: o${i}}}`)
    writeFileSync(path, ["resources:", ...items(5_000)].join("\n"))
    let longestMs = 0
    let lastMs = performance.now()
    const watcher = setInterval(() => {
      longestMs = Math.max(longestMs, performance.now() - lastMs)
      lastMs = performance.now()
    }, 5)
    const read = Effect.runPromise(
      Effect.callback<SourceUpdate>((resume) => {
        Effect.runFork(
          fileSource(path)
            .run((update) => Effect.sync(() => resume(Effect.succeed(update))))
            .pipe(Effect.timeoutOption("10 seconds")),
        )
      }),
    )
    const update = await read
    clearInterval(watcher)
    expect(update.type === "snapshot" && update.records.length).toBe(5_000)
    // Parsing takes some hundred milliseconds.
    expect(longestMs).toBeLessThan(200)
    writeFileSync(path, ["resources:", ...items(5_000), "  - {kind: chost, name: h7}"].join("\n"))
    await watching(
      path,
      async (next) => {
        expect(await next()).toBe(
          `${path}: line 5002: chost "h7" stands there already, in line 9; give them different uids`,
        )
      },
      10_000,
    )
  }, 20_000)

  it("refuses files that are too large or cannot be read", async () => {
    const path = join(directory, "huge.csv")
    writeFileSync(path, "")
    truncateSync(path, 3e9)
    await watching(path, async (next) => {
      expect(await next()).toMatch(/ is 3000000000 bytes large, at most \d+ are allowed$/)
    })
    await watching(directory, async (next) => {
      expect(await next()).toMatch(/ is not there$| cannot be read \(EISDIR\)$| is empty/)
    })
    const secret = join(directory, "secret.csv")
    writeFileSync(secret, hosts("a"))
    chmodSync(secret, 0)
    if (process.getuid?.() === 0) return
    await watching(secret, async (next) => {
      expect(await next()).toMatch(/ cannot be read \(EACCES\)$/)
    })
  })
})
