// The process above an agent: starts the version that is to run, has a new one prove itself, and goes back to what worked when it does
// not, or when it keeps ending later. It is small and never replaced by a package, so that there always is a way back.

import type { ChildProcess } from "node:child_process"
import * as Clock from "effect/Clock"
import * as Data from "effect/Data"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import { InstalledVersions, type Program } from "./InstalledVersions.ts"
import { type LauncherMessage, readLauncherMessage } from "./launcherMessages.ts"
import {
  type InstalledRelease,
  ownRelease,
  readRelease,
  type Release,
  withRefusal,
  writeRelease,
} from "./ReleaseFile.ts"

/** The agent of the launcher's own tree ended without being asked to. */
export class AgentEnded extends Data.TaggedError("AgentEnded")<{
  readonly message: string
  /** It ended in order, as somebody else asked it to. */
  readonly isOrderly: boolean
}> {}

export interface LauncherOptions {
  /** The agent's data directory. */
  readonly data: string
  /** Version and program of the launcher's own tree. */
  readonly own: Program
  /** With a channel for messages; standard input is its lifeline. */
  readonly start: (program: Program) => ChildProcess
  /** A new version has so long to prove itself. */
  readonly trialMs: number
  readonly retryMs?: number
}

/** Time an agent gets to flush and detach. */
const stopMs = 10_000
/** A version that ended so often within `endsWithinMs` is given up. */
const endsMost = 3
const endsWithinMs = 300_000
/** Trials of one version that were cut off from outside before it is given up. */
const triesMost = 2

type Outcome =
  | { readonly kind: "ended"; readonly message: string; readonly isOrderly: boolean }
  | { readonly kind: "try"; readonly message: Extract<LauncherMessage, { readonly _tag: "Try" }> }
  | { readonly kind: "leave" }
  | { readonly kind: "unproved"; readonly message: string }

const stop = (child: ChildProcess): Effect.Effect<void> =>
  Effect.callback<void>((stopped) => {
    if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined)
      return stopped(Effect.void)
    child.once("exit", () => stopped(Effect.void))
    child.kill("SIGTERM")
    setTimeout(() => child.kill("SIGKILL"), stopMs).unref()
  })

/** One life of an agent. `trialMs`: it is on trial for so long; `proved` is done once it has proved itself. */
const live = (
  options: LauncherOptions,
  program: Program,
  trial: { readonly ms: number; readonly proved: Effect.Effect<void> } | undefined,
): Effect.Effect<Outcome> =>
  Effect.gen(function* () {
    const outcome = yield* Deferred.make<Outcome>()
    const proved = yield* Deferred.make<void>()
    const over = (how: Outcome) => Deferred.doneUnsafe(outcome, Effect.succeed(how))
    let why = "it did not say that it works"
    const child = yield* Effect.acquireRelease(
      Effect.sync(() => options.start(program)),
      stop,
    )
    child.once("error", (cause) =>
      over({ kind: "ended", message: `could not be started: ${cause.message}`, isOrderly: false }),
    )
    child.once("exit", (code, signal) =>
      over({
        kind: "ended",
        message: `ended with ${signal === null ? `status ${code}` : `signal ${signal}`}`,
        isOrderly: code === 0,
      }),
    )
    child.on("message", (said) => {
      const message = readLauncherMessage(said)
      if (message?._tag === "Try") over({ kind: "try", message })
      else if (message?._tag === "Leave") over({ kind: "leave" })
      else if (message?._tag === "Proved") Deferred.doneUnsafe(proved, Effect.void)
      else if (message?._tag === "Unwell") why = message.why
    })
    if (trial !== undefined) {
      const early = yield* Effect.raceFirst(
        Deferred.await(outcome),
        Effect.as(Deferred.await(proved), undefined),
      ).pipe(
        Effect.timeoutOrElse({
          duration: trial.ms,
          orElse: () =>
            Effect.sync((): Outcome => ({
              kind: "unproved",
              message: `did not work after ${trial.ms / 1_000} s: ${why}`,
            })),
        }),
      )
      if (early !== undefined) return early
      yield* trial.proved
    }
    return yield* Deferred.await(outcome)
  }).pipe(Effect.scoped)

/** Runs until it is interrupted (then the agent is stopped in order), or the agent of its own tree ends. */
export const launchAgent = (options: LauncherOptions): Effect.Effect<never, AgentEnded> =>
  Effect.gen(function* () {
    const { data, own } = options
    const versions = new InstalledVersions(data)
    let release = readRelease(data, own.version)

    const keep = (next: Release): Effect.Effect<void> =>
      Effect.gen(function* () {
        release = next
        yield* Effect.try({ try: () => writeRelease(data, next), catch: (cause) => String(cause) }).pipe(
          Effect.catch((problem) =>
            Effect.logWarning(`which version of the agent runs cannot be kept: ${problem}`),
          ),
        )
      })

    const giveUp = (one: InstalledRelease, problem: string, next: Partial<Release>) =>
      Effect.gen(function* () {
        const { digest, order, version } = one
        const after = { ...release, ...next }
        yield* Effect.logError(
          `version ${version} of the agent is given up (${problem}); ${after.current?.version ?? own.version} runs on`,
        )
        yield* keep(withRefusal(after, { version, digest, order, problem }))
      })

    const goBack = (one: InstalledRelease, problem: string) =>
      giveUp(one, problem, { current: release.previous, previous: null, endsMs: [] })

    const begin = ({ digest, name, order, tier, version }: Extract<LauncherMessage, { _tag: "Try" }>) =>
      keep({ ...release, trying: { name, version, digest, order, tier, times: 0 } })

    /** The trial of a new version, up to its end whatever it is. */
    const trial = (one: NonNullable<Release["trying"]>) =>
      Effect.gen(function* () {
        const program = versions.program(one.name)
        if ("why" in program) return yield* giveUp(one, program.why, { trying: null })
        if (one.times >= triesMost)
          return yield* giveUp(one, `it was cut off ${one.times} times before it had proved itself`, {
            trying: null,
          })
        yield* keep({ ...release, trying: { ...one, times: one.times + 1 } })
        yield* Effect.logInfo(`version ${one.version} of the agent is tried`)
        const { digest, name, order, version } = one
        const current: InstalledRelease = { name, version, digest, order }
        const confirm = Effect.gen(function* () {
          yield* keep({ ...release, current, previous: release.current, trying: null, endsMs: [] })
          yield* Effect.logInfo(`version ${version} of the agent works and is kept`)
          yield* Effect.sync(() =>
            versions.keepOnly([current, release.previous].flatMap((kept) => kept?.name ?? [])),
          )
        })
        const outcome = yield* live(options, program, { ms: options.trialMs, proved: confirm })
        if (release.trying === null) return yield* after(outcome)
        if (outcome.kind === "ended" || outcome.kind === "unproved")
          return yield* giveUp(one, outcome.message, { trying: null })
        yield* keep({ ...release, trying: null })
        yield* after(outcome)
      }).pipe(
        // Stopped from outside in order: nobody's fault.
        Effect.onInterrupt(() =>
          release.trying === null
            ? Effect.void
            : keep({ ...release, trying: { ...release.trying, times: one.times } }),
        ),
      )

    /** What to do once a version that runs for good is over. */
    const after = (outcome: Outcome): Effect.Effect<void, AgentEnded> =>
      Effect.gen(function* () {
        if (outcome.kind === "try") return yield* begin(outcome.message)
        if (outcome.kind === "leave") {
          yield* Effect.logInfo(`the agent goes back to version ${own.version}, which is on this machine`)
          return yield* keep({ ...release, current: null, previous: null, endsMs: [] })
        }
        const { current } = release
        const isOrderly = outcome.kind === "ended" && outcome.isOrderly
        if (current === null || isOrderly)
          return yield* new AgentEnded({ message: `the agent ${outcome.message}`, isOrderly })
        const nowMs = yield* Clock.currentTimeMillis
        const endsMs = [...release.endsMs.filter((ms) => Math.abs(nowMs - ms) < endsWithinMs), nowMs]
        if (endsMs.length >= endsMost)
          return yield* goBack(
            current,
            `it ended ${endsMs.length} times within ${endsWithinMs / 60_000} minutes: ${outcome.message}`,
          )
        yield* keep({ ...release, endsMs })
        yield* Effect.logWarning(
          `version ${current.version} of the agent ${outcome.message}; it is started again`,
        )
        yield* Effect.sleep((options.retryMs ?? 1_000) * endsMs.length)
      })

    if (release.current === null && release.trying === null)
      yield* keep({ ...ownRelease(own.version), refused: release.refused })
    while (true) {
      if (release.trying !== null) {
        yield* trial(release.trying)
        continue
      }
      const { current } = release
      if (current === null) {
        yield* after(yield* live(options, own, undefined))
        continue
      }
      const program = versions.program(current.name)
      if ("why" in program) yield* goBack(current, program.why)
      else yield* after(yield* live(options, program, undefined))
    }
  })
