import { type ChildProcess, execFileSync, spawn } from "node:child_process"
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs"
import { request } from "node:http"
import { createServer } from "node:net"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import type * as Scope from "effect/Scope"
import { describe, expect, it } from "vitest"
import { ClickHouse } from "./ClickHouse.ts"
import { startEmbedded } from "./EmbeddedClickHouse.ts"
import { pidOfLock } from "./lockHolder.ts"
import { temporaryDirectory } from "./testEngine.ts"

const run = <A, E>(effect: Effect.Effect<A, E, Scope.Scope>): Promise<A> =>
  Effect.runPromise(Effect.scoped(effect).pipe(Effect.provide(Logger.layer([]))))

const freshDirectory = Effect.map(temporaryDirectory, (directory) => join(directory, "db"))

/** Ended processes that nobody has waited for yet count as gone. */
const isAlive = (pid: number): boolean =>
  existsSync(`/proc/${pid}`) && !readFileSync(`/proc/${pid}/stat`, "latin1").includes(") Z ")

/** Leaves no connection open, for which the engine would wait when it is stopped. */
const get = (url: string, headers: Readonly<Record<string, string>> = {}) =>
  Effect.callback<{ status: number | undefined; text: string }>((resume) => {
    request(url, { headers, agent: false }, (response) => {
      let text = ""
      response.setEncoding("utf8").on("data", (part: string) => (text += part))
      response.on("end", () => resume(Effect.succeed({ status: response.statusCode, text })))
    }).end()
  })

/** A process of its own that keeps an engine in `directory`; answers with the engine's pid. */
const startOwner = (directory: string) =>
  Effect.acquireRelease(
    Effect.promise(
      () =>
        new Promise<{ owner: ChildProcess; enginePid: number }>((resolve, reject) => {
          const source = `
            import * as Effect from "effect/Effect"
            import { startEmbedded } from ${JSON.stringify(new URL("./EmbeddedClickHouse.ts", import.meta.url).pathname)}
            await Effect.runPromise(Effect.scoped(Effect.gen(function* () {
              const engine = yield* startEmbedded({ directory: ${JSON.stringify(directory)} })
              console.log(engine.pid())
              yield* Effect.never
            })))`
          const owner = spawn(process.execPath, ["--input-type=module", "-e", source], {
            stdio: ["ignore", "pipe", "inherit"],
          })
          owner.stdout.on("data", (text) => resolve({ owner, enginePid: Number(text) }))
          owner.on("exit", reject)
        }),
    ),
    ({ owner }) => Effect.sync(() => owner.kill("SIGKILL")),
  )

describe("startEmbedded", () => {
  it("answers only who knows the secret, and shows nothing else", () =>
    run(
      Effect.gen(function* () {
        const engine = yield* startEmbedded({ directory: yield* freshDirectory })
        const select = `${engine.url()}/?query=SELECT%2042`
        expect(yield* get(select, engine.headers)).toEqual({ status: 200, text: "42\n" })
        expect((yield* get(select)).status).toBe(404)
        expect((yield* get(select, { "X-Sonde-Key": "guess" })).status).toBe(404)
        expect((yield* get(`${engine.url()}/ping`)).status).toBe(200)
        for (const path of ["/play", "/dashboard", "/replicas_status", "/binary", "/js/uplot.js"]) {
          expect((yield* get(engine.url() + path, engine.headers)).status, path).toBe(404)
        }
      }),
    ))

  it("cannot read files outside its directory", (context) =>
    run(
      Effect.gen(function* () {
        const directory = yield* freshDirectory
        const engine = yield* startEmbedded({ directory })
        // The launcher gives up new privileges only together with its view of the file system.
        if (!/^NoNewPrivs:\s*1$/m.test(readFileSync(`/proc/${engine.pid()}/status`, "latin1"))) {
          return context.skip("this kernel has no Landlock of version 2 (Linux 5.19)")
        }
        const read = (path: string) =>
          get(`${engine.url()}/?query=${encodeURIComponent(`SELECT file('${path}')`)}`, engine.headers)
        expect((yield* read(join(directory, "engine.xml"))).status).toBe(200)
        for (const path of ["/etc/passwd", "/proc/1/environ", fileURLToPath(import.meta.url)]) {
          const { status, text } = yield* read(path)
          expect(status, path).not.toBe(200)
          expect(text).toContain("Permission denied")
        }
      }),
    ))

  it("keeps its directory private and leaves no configuration behind", () =>
    run(
      Effect.gen(function* () {
        const directory = yield* freshDirectory
        yield* Effect.scoped(
          Effect.gen(function* () {
            const { pid } = yield* startEmbedded({ directory })
            expect(statSync(directory).mode & 0o777).toBe(0o700)
            expect(statSync(join(directory, "engine.xml")).mode & 0o777).toBe(0o600)
            expect(isAlive(pid())).toBe(true)
          }),
        )
        expect(readdirSync(directory)).not.toContain("engine.xml")
        expect(readdirSync(join(directory, "tmp"))).toEqual([])
      }),
    ))

  it("keeps what was stored over a stop, and what was running over a crash", () =>
    run(
      Effect.gen(function* () {
        const directory = yield* freshDirectory
        const use = <A, E>(effect: Effect.Effect<A, E, ClickHouse>) =>
          Effect.provide(effect, ClickHouse.embedded({ directory }))
        yield* use(
          Effect.gen(function* () {
            const clickhouse = yield* ClickHouse
            yield* clickhouse.command("CREATE DATABASE d ENGINE = Atomic")
            yield* clickhouse.command("CREATE TABLE d.t (a UInt8) ENGINE = MergeTree ORDER BY a")
            yield* clickhouse.command("INSERT INTO d.t VALUES (1)")
          }),
        )
        yield* use(
          Effect.gen(function* () {
            const clickhouse = yield* ClickHouse
            process.kill(clickhouse.server().pid, "SIGKILL")
            expect(yield* Effect.flip(clickhouse.query("SELECT 1"))).toMatchObject({ retriable: true })
            const rows = yield* clickhouse.query("SELECT a FROM d.t").pipe(
              Effect.tapError(() => Effect.sleep("10 millis")),
              Effect.eventually,
            )
            expect(rows).toEqual([{ a: 1 }])
            expect(clickhouse.server().restarts).toBeGreaterThan(0)
          }),
        )
      }),
    ))

  it("ends with its owner, however that ends, and a new owner takes over", () =>
    run(
      Effect.gen(function* () {
        const directory = yield* freshDirectory
        const { owner, enginePid } = yield* startOwner(directory)
        expect(isAlive(enginePid)).toBe(true)
        process.kill(enginePid, "SIGTERM")
        owner.kill("SIGKILL")
        const engine = yield* startEmbedded({ directory })
        while (isAlive(enginePid)) yield* Effect.sleep("10 millis")
        expect((yield* get(`${engine.url()}/?query=SELECT%201`, engine.headers)).text).toBe("1\n")
      }),
    ))

  it("names the process that works in the directory", () =>
    run(
      Effect.gen(function* () {
        const directory = yield* freshDirectory
        const { owner, enginePid } = yield* startOwner(directory)
        const error = yield* Effect.flip(startEmbedded({ directory }))
        expect(error).toMatchObject({ _tag: "EngineError", reason: "locked" })
        expect(error.message).toContain(`in use by process ${owner.pid} (`)
        expect(isAlive(enginePid)).toBe(true)
      }),
    ))

  it("says that a port is taken", () =>
    run(
      Effect.gen(function* () {
        const directory = yield* freshDirectory
        const server = yield* Effect.acquireRelease(
          Effect.promise(
            () =>
              new Promise<ReturnType<typeof createServer>>((resolve) => {
                const one = createServer().listen(0, "127.0.0.1", () => resolve(one))
              }),
          ),
          (one) => Effect.sync(() => one.close()),
        )
        const { port } = server.address() as { port: number }
        const error = yield* Effect.flip(startEmbedded({ directory, port }))
        expect(error).toMatchObject({ reason: "portTaken" })
        expect(error.message).toContain(String(port))
      }),
    ))

  it("says that the directory cannot be made", () =>
    run(
      Effect.gen(function* () {
        const directory = yield* temporaryDirectory
        writeFileSync(join(directory, "file"), "")
        const error = yield* Effect.flip(startEmbedded({ directory: join(directory, "file", "db") }))
        expect(error).toMatchObject({ reason: "notWritable" })
        expect(error.message).toContain("ENOTDIR")
      }),
    ))

  it.runIf(process.getuid?.() === 0)("says that the disk is full", () =>
    run(
      Effect.gen(function* () {
        const directory = yield* freshDirectory
        mkdirSync(directory)
        yield* Effect.acquireRelease(
          Effect.sync(() => execFileSync("mount", ["-t", "tmpfs", "-o", "size=8m", "tmpfs", directory])),
          () => Effect.sync(() => execFileSync("umount", ["-l", directory])),
        )
        const error = yield* Effect.flip(startEmbedded({ directory }))
        expect(error).toMatchObject({ reason: "diskFull" })
      }),
    ),
  )
})

describe("pidOfLock", () => {
  const locks = `1: FLOCK  ADVISORY  WRITE 12481 fe:00:9978592 0 EOF
2: POSIX  ADVISORY  WRITE 1 fe:00:9978593 0 EOF
3: FLOCK  ADVISORY  WRITE -1 fe:00:77 0 EOF
`
  it("finds the holder by the file's number", () => {
    expect(pidOfLock(locks, 9_978_592)).toBe(12_481)
    expect(pidOfLock(locks, 9_978_593)).toBeUndefined()
    expect(pidOfLock(locks, 77)).toBe(0)
    expect(pidOfLock("", 77)).toBeUndefined()
  })
})
