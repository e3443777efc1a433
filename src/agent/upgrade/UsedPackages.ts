// The packages that the server wants of this agent, and what became of them: fetched and verified one after the other; one of the kind
// `agent` is installed, checked, and handed to the launcher, which decides whether it stays.

import { execFile } from "node:child_process"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import * as Semaphore from "effect/Semaphore"
import type * as Stream from "effect/Stream"
import { agentPackageName } from "../../runtime/agentPackage/manifest.ts"
import type { Report } from "../../wire/control/AgentRpc.ts"
import type { PackageDirective } from "../control/ControlSession.ts"
import { type KeptPackage, PackageRefused, type PackageStore } from "../control/PackageStore.ts"
import { InstalledVersions, InstallRefused, type Program } from "./InstalledVersions.ts"
import type { LauncherMessage } from "./launcherMessages.ts"
import { proveVersion } from "./proveVersion.ts"
import type { Release } from "./ReleaseFile.ts"

export interface UsedPackagesOptions {
  readonly data: string
  readonly store: PackageStore
  /** As the launcher left it; undefined: there is no launcher, and no version can be replaced. */
  readonly launcher:
    | {
        readonly release: Release
        readonly tell: (message: LauncherMessage) => void
        /** With which an agent of this machine is started, besides node's own and the program. */
        readonly startArguments: ReadonlyArray<string>
      }
    | undefined
  /** Of capture just now. */
  readonly tier: () => number
}

/** A check of a version: node starts, loads the agent and its addon, reads its configuration. */
const checkMs = 60_000
const checkCharsMost = 65_536
const fetchTries = 5
const fetchAgainMs = 5_000
const namesMost = 64

const selfCheck = (
  { entry, node, version }: Program,
  given: ReadonlyArray<string>,
): Effect.Effect<void, InstallRefused> =>
  Effect.callback((resume) => {
    const child = execFile(
      node,
      [...process.execArgv, entry, ...given, "--self-check"],
      { timeout: checkMs, maxBuffer: checkCharsMost, killSignal: "SIGKILL" },
      (error, stdout, stderr) => {
        const found = stdout.trim()
        if (error === null && found === version) return resume(Effect.void)
        const said =
          error === null
            ? `it says that it is ${found || "nothing"}`
            : stderr.trim().slice(0, 1_000) || error.message
        resume(Effect.fail(new InstallRefused({ message: `its self-check failed: ${said}` })))
      },
    )
    return Effect.sync(() => child.kill("SIGKILL"))
  })

export class UsedPackages {
  readonly #options: UsedPackagesOptions
  readonly #versions: InstalledVersions
  readonly #one = Semaphore.makeUnsafe(1)
  /** Done at once unless this version is on trial. */
  readonly #proved = Deferred.makeUnsafe<void>()
  readonly #plugins = new Map<string, KeptPackage>()
  readonly #problems = new Map<string, string>()
  #wanted = ""
  #isReplaced = false
  #isOnTrial: boolean

  constructor(options: UsedPackagesOptions) {
    this.#options = options
    this.#versions = new InstalledVersions(options.data)
    const release = options.launcher?.release
    this.#isOnTrial = release !== undefined && release.trying !== null
    if (!this.#isOnTrial) Deferred.doneUnsafe(this.#proved, Effect.void)
  }

  /** The package that this process runs from; undefined: the launcher's own tree. */
  get #running() {
    const release = this.#options.launcher?.release
    return release?.trying ?? release?.current ?? undefined
  }

  /** Proves this version if it is on trial; `trouble` says what is missing, apart from capture. */
  prove(provedAfterMs: number, trouble: () => string, isCapturing: () => boolean): Effect.Effect<void> {
    const { launcher, tier } = this.#options
    const trying = launcher?.release.trying
    if (launcher === undefined || trying === undefined || trying === null) return Effect.void
    const all = () => {
      const why = trouble()
      if (why !== "" || !isCapturing() || tier() <= trying.tier) return why
      return `captures with less than before (tier ${tier()}, it was ${trying.tier})`
    }
    return Effect.andThen(
      proveVersion(provedAfterMs, all, launcher.tell),
      Effect.sync(() => {
        this.#isOnTrial = false
        Deferred.doneUnsafe(this.#proved, Effect.void)
      }),
    )
  }

  use<E extends { readonly message: string }>(
    offer: PackageDirective,
    fetch: (offset: number) => Stream.Stream<Uint8Array, E>,
  ): Effect.Effect<void> {
    const { store } = this.#options
    return Effect.gen({ self: this }, function* () {
      yield* Deferred.await(this.#proved)
      if (offer.kind === "agent") this.#wanted = offer.version
      const known = this.#refusal(offer)
      if (known !== undefined)
        return yield* new InstallRefused({
          message: `${known} (not tried again until it is rolled out anew)`,
        })
      if (offer.kind === "agent" && this.#running?.digest === offer.digest)
        return this.#problems.delete(offer.name)
      const kept = yield* store.obtain(offer, fetch).pipe(
        Effect.retry({
          times: fetchTries,
          schedule: Schedule.spaced(fetchAgainMs),
          while: (error) => !(error instanceof PackageRefused),
        }),
      )
      yield* Effect.logInfo(`package ${kept.name} ${kept.version} is verified: ${kept.file}`)
      if (kept.kind === "agent") yield* this.#install(kept, offer.order ?? 0)
      else if (this.#plugins.size < namesMost) this.#plugins.set(kept.name, kept)
      this.#problems.delete(offer.name)
    }).pipe(
      Effect.catch((failure) =>
        Effect.gen({ self: this }, function* () {
          const isFinal = failure instanceof PackageRefused || failure instanceof InstallRefused
          const problem =
            failure instanceof InstallRefused
              ? `version ${offer.version}: ${failure.message}`
              : failure.message
          // What broke on the way is offered again by the next session.
          if (isFinal && this.#problems.size < namesMost) this.#problems.set(offer.name, problem)
          yield* Effect.logWarning(problem)
        }),
      ),
      this.#one.withPermit,
      Effect.asVoid,
    )
  }

  /** Nothing but these is wanted: what else there is is given up. */
  only(names: ReadonlyArray<string>): Effect.Effect<void> {
    return Effect.gen({ self: this }, function* () {
      for (const name of [...this.#plugins.keys(), ...this.#problems.keys()])
        if (!names.includes(name)) {
          this.#plugins.delete(name)
          this.#problems.delete(name)
        }
      if (names.includes(agentPackageName)) return
      this.#wanted = ""
      const { launcher } = this.#options
      if (launcher === undefined || this.#running === undefined || this.#isReplaced) return
      yield* Deferred.await(this.#proved)
      this.#isReplaced = true
      launcher.tell({ _tag: "Leave" })
    }).pipe(this.#one.withPermit)
  }

  /** As it is told to the server. */
  report(): Required<Pick<Report, "packages" | "packageProblem" | "release">> {
    const release = this.#options.launcher?.release
    const running = this.#running
    const last = release?.trying === null ? release.previous : release?.current
    return {
      packages: [
        ...(running === undefined || this.#isOnTrial
          ? []
          : [{ name: agentPackageName, version: running.version, digest: running.digest }]),
        ...[...this.#plugins.values()].map(({ digest, name, version }) => ({ name, version, digest })),
      ],
      packageProblem: [...this.#problems.values()].join("; ").slice(0, 4_000),
      release: {
        isOwn: running === undefined,
        wanted: this.#wanted,
        lastGood: release === undefined ? "" : (last?.version ?? release.own),
      },
    }
  }

  #refusal(offer: PackageDirective): string | undefined {
    const known = this.#options.launcher?.release.refused.find(({ digest }) => digest === offer.digest)
    return known !== undefined && known.order === (offer.order ?? 0) ? known.problem : undefined
  }

  #install(kept: KeptPackage, order: number): Effect.Effect<void, InstallRefused> {
    return Effect.gen({ self: this }, function* () {
      const { launcher, tier } = this.#options
      if (launcher === undefined)
        return yield* new InstallRefused({
          message: "there is no launcher above this agent: set agent.packageKeys before it starts",
        })
      if (this.#isReplaced) return
      const name = `${kept.version}-${kept.digest.slice(0, 16)}`
      const program = yield* this.#versions.install(name, kept.version, kept.file)
      yield* selfCheck(program, launcher.startArguments)
      this.#isReplaced = true
      const { digest, version } = kept
      launcher.tell({ _tag: "Try", name, version, digest, order, tier: tier() })
    })
  }
}
