// Keeps one embedded ClickHouse running in a data directory for as long as a scope lives: checks what can be checked before,
// starts, restarts after a crash, stops in good order. Tables and queries are not its matter.

import { randomBytes } from "node:crypto"
import { accessSync, constants, mkdirSync, rmSync, statfsSync, writeFileSync } from "node:fs"
import { createServer } from "node:net"
import { join, resolve } from "node:path"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { Health } from "../Health.ts"
import { type EngineCluster, engineConfig, secretHeader } from "./engineConfig.ts"
import { EngineError } from "./EngineError.ts"
import { type EngineFiles, engineFiles } from "./engineFiles.ts"
import { type EngineExit, EngineProcess } from "./EngineProcess.ts"
import { lockHolder } from "./lockHolder.ts"

export interface EmbeddedOptions {
  /** Directory of the database; made when missing. */
  readonly directory: string
  /** Most memory the engine may use. Default: 1024. */
  readonly memoryMiB?: number
  /** Port on 127.0.0.1. Default: a free one. */
  readonly port?: number
  readonly cluster?: EngineCluster
}

export interface Engine {
  /** Changes when a restart finds the old port taken. */
  readonly url: () => string
  /** Must go with every request. */
  readonly headers: Readonly<Record<string, string>>
  readonly pid: () => number
  readonly stats: { restarts: number }
}

/** Its place in the health tree. */
const healthPath = "clickhouse"
const startTimeoutMs = 20_000
/** A killed Sonde leaves an engine that is still stopping: so long a new one waits for it. */
const lockWaitMs = 12_000
const ownedLockWaitMs = 1_000
const firstRestartMs = 50
const longestRestartMs = 5_000
const stableMs = 30_000
/** Less than this and ClickHouse cannot even merge. */
const leastFreeBytes = 64 * 1024 * 1024

const listenOnce = (port: number) =>
  Effect.callback<number, EngineError>((resume) => {
    // A client that is still trying to reach the engine may get here: it must not keep the port from being given back.
    const server = createServer((socket) => socket.destroy())
    server.on("error", (cause) =>
      resume(
        Effect.fail(
          new EngineError({
            reason: "portTaken",
            message: `port ${port} of 127.0.0.1, meant for ClickHouse, is taken: leave it to be chosen or name another`,
            cause,
          }),
        ),
      ),
    )
    server.listen(port, "127.0.0.1", () => {
      const address = server.address()
      const found = typeof address === "object" && address !== null ? address.port : port
      server.close(() => resume(Effect.succeed(found)))
    })
  })

const codeOf = (cause: unknown): string => (cause as NodeJS.ErrnoException | undefined)?.code ?? ""

const directoryError = (directory: string, cause: unknown): EngineError =>
  codeOf(cause) === "ENOSPC"
    ? diskFull(directory, cause)
    : new EngineError({
        reason: "notWritable",
        message: `cannot write to the data directory ${directory} (${codeOf(cause) || String(cause)}): give this user the right or choose another with --data`,
        cause,
      })

const diskFull = (directory: string, cause?: unknown): EngineError =>
  new EngineError({
    reason: "diskFull",
    message: `the disk of ${directory} is full: free some space (at least ${leastFreeBytes / 2 ** 20} MiB) and start again`,
    cause,
  })

const prepareDirectory = (directory: string) =>
  Effect.try({
    try: () => {
      mkdirSync(directory, { recursive: true, mode: 0o700 })
      accessSync(directory, constants.R_OK | constants.W_OK | constants.X_OK)
      const { bavail, bsize } = statfsSync(directory)
      return bavail * bsize
    },
    catch: (cause) => directoryError(directory, cause),
  }).pipe(Effect.flatMap((free) => (free < leastFreeBytes ? Effect.fail(diskFull(directory)) : Effect.void)))

const locked = (directory: string): EngineError => {
  const holder = lockHolder(join(directory, "status"))
  const who = holder === undefined ? "another process" : `process ${holder.pid} (${holder.command})`
  return new EngineError({
    reason: "locked",
    message: `the data directory ${directory} is in use by ${who}: stop it, or choose another directory with --data`,
  })
}

/** Waits for an engine that is on its way out; one whose owner lives gets only the time that a killed owner needs to go. */
const waitForLock = (directory: string) =>
  Effect.gen(function* () {
    const startedMs = yield* Clock.currentTimeMillis
    while (true) {
      const holder = lockHolder(join(directory, "status"))
      if (holder === undefined) return
      const waitedMs = (yield* Clock.currentTimeMillis) - startedMs
      if (waitedMs > (holder.isOrphan ? lockWaitMs : ownedLockWaitMs)) return yield* locked(directory)
      yield* Effect.sleep("50 millis")
    }
  })

const failed = (directory: string, log: string, exit: EngineExit | undefined): EngineError => {
  const said = exit?.errorText ?? ""
  if (said.includes("Cannot lock file")) return locked(directory)
  if (said.includes("No space left on device")) return diskFull(directory, said)
  if (said.includes("Permission denied")) return directoryError(directory, { code: "EACCES" })
  const how = exit === undefined ? `did not answer within ${startTimeoutMs / 1000} s` : endedAs(exit)
  return new EngineError({ reason: "failed", message: `the embedded ClickHouse ${how}; its log is ${log}` })
}

const endedAs = (exit: EngineExit): string => {
  const status = exit.signal === null ? `status ${exit.code}` : `signal ${exit.signal}`
  return `ended with ${status}${exit.errorText === "" ? "" : `: ${exit.errorText.split("\n")[0]}`}`
}

/** Starts the engine and answers once it serves; it is kept running until the scope closes. */
export const startEmbedded = (options: EmbeddedOptions): Effect.Effect<Engine, EngineError, Scope.Scope> =>
  Effect.gen(function* () {
    const files = engineFiles()
    if (files instanceof EngineError) return yield* files
    const directory = resolve(options.directory)
    yield* prepareDirectory(directory)
    const keeper = new EngineKeeper(files, directory, options)
    yield* Effect.addFinalizer(() => keeper.stop)
    yield* keeper.start
    yield* Effect.forkScoped(keeper.keepRunning)
    return keeper
  })

class EngineKeeper implements Engine {
  readonly #files: EngineFiles
  readonly #directory: string
  readonly #options: EmbeddedOptions
  readonly #secret = randomBytes(24).toString("hex")
  readonly headers = { [secretHeader]: this.#secret }
  readonly stats = { restarts: 0 }
  #port = 0
  #process: EngineProcess | undefined

  constructor(files: EngineFiles, directory: string, options: EmbeddedOptions) {
    this.#files = files
    this.#directory = directory
    this.#options = options
  }

  readonly url = () => `http://127.0.0.1:${this.#port}`
  readonly pid = () => this.#process?.pid ?? 0

  get #configFile(): string {
    return join(this.#directory, "engine.xml")
  }

  get #logFile(): string {
    return join(this.#directory, "engine.log")
  }

  /** The configured port; without one that of before when it is still free, else any. */
  #choosePort(): Effect.Effect<number, EngineError> {
    const configured = this.#options.port ?? 0
    if (configured !== 0) return listenOnce(configured)
    return listenOnce(this.#port).pipe(Effect.catch(() => listenOnce(0)))
  }

  readonly start = Effect.gen({ self: this }, function* () {
    yield* waitForLock(this.#directory)
    this.#port = yield* this.#choosePort()
    yield* Effect.try({
      try: () => {
        const config = engineConfig({
          port: this.#port,
          secret: this.#secret,
          memoryBytes: (this.#options.memoryMiB ?? 1_024) * 2 ** 20,
          backupDirectory: join(this.#directory, "backups"),
          ...(this.#options.cluster === undefined ? {} : { cluster: this.#options.cluster }),
        })
        writeFileSync(this.#configFile, config, { mode: 0o600 })
      },
      catch: (cause) => directoryError(this.#directory, cause),
    })
    const engine = new EngineProcess(this.#files, {
      directory: this.#directory,
      config: this.#configFile,
      log: this.#logFile,
      port: this.#port,
      protocols: this.#options.cluster === undefined ? ["HTTP"] : ["HTTP", "TCP"],
    })
    this.#process = engine
    if (yield* Effect.promise(() => engine.ready(startTimeoutMs))) return
    const exit = yield* Effect.promise(() => Promise.race([engine.exited, Promise.resolve(undefined)]))
    yield* this.stop
    return yield* failed(this.#directory, this.#logFile, exit)
  })

  /** Never ends: a process that goes is replaced, the sooner the longer it had lived. */
  readonly keepRunning = Effect.gen({ self: this }, function* () {
    const health = yield* Health
    health.set(healthPath, "running")
    let failures = 0
    let startedMs = yield* Clock.currentTimeMillis
    while (true) {
      const engine = this.#process
      if (engine !== undefined) {
        const exit = yield* Effect.promise(() => engine.exited)
        health.part(healthPath).restarts++
        health.set(healthPath, "restarting", endedAs(exit))
        yield* Effect.logWarning(`the embedded ClickHouse ${endedAs(exit)}; starting it again`)
      }
      const nowMs = yield* Clock.currentTimeMillis
      failures = nowMs - startedMs > stableMs ? 0 : failures + 1
      if (failures > 0) yield* Effect.sleep(Math.min(firstRestartMs * 2 ** (failures - 1), longestRestartMs))
      startedMs = yield* Clock.currentTimeMillis
      this.stats.restarts++
      yield* this.start.pipe(
        Effect.tap(() => Effect.logInfo("the embedded ClickHouse runs again")),
        Effect.tap(() => Effect.sync(() => health.set(healthPath, "running"))),
        Effect.catch((error) => {
          health.set(healthPath, "restarting", error.message)
          return Effect.logError(error.message)
        }),
      )
    }
  })

  readonly stop = Effect.suspend(() => {
    const engine = this.#process
    this.#process = undefined
    if (engine === undefined) return Effect.void
    return Effect.promise(() => engine.stop()).pipe(
      Effect.andThen(Effect.sync(() => rmSync(this.#configFile, { force: true }))),
    )
  })
}
