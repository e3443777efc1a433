// The demo application on behalf of the console: `sonde demo` as a child process, so that its visitors are a program of their
// own and not the server, whose traffic is left alone. At most one at a time; ended with the scope.

import { type ChildProcess, spawn } from "node:child_process"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { fileURLToPath } from "node:url"
import { demoPrograms } from "./DemoApp.ts"

const main = fileURLToPath(new URL("../main.ts", import.meta.url))
const rate = 20
const startMs = 15_000

export interface DemoState {
  readonly available: boolean
  readonly running: boolean
  /** Why it is not available or did not start; empty otherwise. */
  readonly reason: string
}

export interface DemoControl {
  readonly state: Effect.Effect<DemoState>
  /** Completes when the application takes requests, or has said why it does not. */
  readonly start: Effect.Effect<DemoState>
  readonly stop: Effect.Effect<DemoState>
}

const ended = (child: ChildProcess): boolean => child.exitCode !== null || child.signalCode !== null

export const makeDemoControl: Effect.Effect<DemoControl, never, Scope.Scope> = Effect.gen(function* () {
  let running: ChildProcess | undefined
  let reason = ""

  const state = Effect.sync((): DemoState => {
    const { missing } = demoPrograms()
    if (missing.length > 0)
      return { available: false, running: false, reason: `not installed: ${missing.join(", ")}` }
    const isRunning = running !== undefined && !ended(running)
    return { available: true, running: isRunning, reason: isRunning ? "" : reason }
  })

  const launch = Effect.callback<void>((resume) => {
    const child = spawn(
      process.execPath,
      [...process.execArgv, main, "demo", "--json", "--with-parent", "--rate", String(rate)],
      {
        stdio: ["pipe", "pipe", "pipe"],
      },
    )
    running = child
    reason = ""
    let said = ""
    child.stderr.setEncoding("utf8").on("data", (text: string) => (said = (said + text).slice(-500)))
    child.stdout.once("data", () => resume(Effect.void))
    child.stdout.resume()
    child.once("error", (cause) => {
      reason = cause.message
      resume(Effect.void)
    })
    child.once("exit", (code) => {
      if (code !== 0 && running === child) reason = said.trim().split("\n").at(-1) ?? `ended with ${code}`
      resume(Effect.void)
    })
  }).pipe(Effect.timeoutOption(startMs), Effect.asVoid)

  const halt = Effect.callback<void>((resume) => {
    const child = running
    running = undefined
    if (child === undefined || ended(child)) return resume(Effect.void)
    child.once("exit", () => resume(Effect.void))
    child.kill("SIGTERM")
    setTimeout(() => child.kill("SIGKILL"), 5_000).unref()
  })

  yield* Effect.addFinalizer(() => halt)
  return {
    state,
    start: Effect.suspend(() => {
      const { missing } = demoPrograms()
      return missing.length > 0 || (running !== undefined && !ended(running))
        ? state
        : Effect.andThen(launch, state)
    }),
    stop: Effect.andThen(halt, state),
  }
})
