// Decides what an agent gives up and takes back, from what it uses and what it may use. A state machine without clock or effects: one
// decision for each measurement. Invariants: one step at a time, in the order of shedOrder.ts, taken back in the opposite order; what was
// given up comes back after a calm time only, and the later the more often that failed.

import { type ShedName, shedOrder } from "./shedOrder.ts"

/** CPU as shares of one processor. */
export interface Usage {
  readonly cpu: number
  readonly residentBytes: number
}
export type Limits = Usage

export type Resource = "cpu" | "memory"

export interface Held {
  readonly step: ShedName
  readonly sinceMs: number
  readonly resource: Resource
  /** Share of the limit that was used then, 1 = all of it, and what that was. */
  readonly before: number
  readonly used: number
  readonly limit: number
  /** Share of the limit that is used since; undefined until that is known. */
  after: number | undefined
}

export type Decision =
  | { readonly kind: "shed"; readonly held: Held }
  | { readonly kind: "restore"; readonly held: Held }
  /** Capture is to start anew, which frees what it holds. */
  | { readonly kind: "restart"; readonly used: number; readonly limit: number }

/** Shares of a limit: from `near` on something is given up, below `calm` something may come back. */
const near = { cpu: 0.9, memory: 0.9 } as const
const calm = { cpu: 0.7, memory: 0.8 } as const
/** Measurements that a decision rests on; all of them come after the last one. Memory answers slower than CPU. */
const enough = { cpu: 5, memory: 10 } as const
/** More than half of them must be near: one long second is none of many. */
const mostOf = 0.5
/** So far above the limit fewer are enough, all of them. */
const farAbove = 1.5
const enoughFarAbove = 2
/** Programs are compiled and hooks are set when capture begins: its CPU says nothing before. */
const startMs = 10_000
/** Time without need before a step is taken back. */
const calmMs = 30_000
/** The same for a step that is expected to be needed again: tried after this, and after twice of it each time it failed. */
const probeMs = 120_000
const probeMostMs = 3_600_000
/** Given up again so soon after it came back, the attempt had failed; kept for longer, former failures no longer count. */
const failedMs = 120_000
const provedMs = 600_000
/** Between two restarts of capture, doubled each time until one has helped for so long. */
const restartGapMs = 60_000
const restartGapMostMs = 3_600_000
/** Below this share what is used says nothing of what a step would add. */
const measurable = 0.02

const resources = ["cpu", "memory"] as const

interface Returned {
  readonly atMs: number
  readonly failures: number
}

const mean = (values: ReadonlyArray<number>): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length

export class BudgetController {
  readonly #held: Array<Held> = []
  /** Shares of the limits since the last decision, the newest last. */
  #shares: Record<Resource, Array<number>> = { cpu: [], memory: [] }
  #calmSinceMs = Number.POSITIVE_INFINITY
  #startedMs: number
  /** Steps that came back, and how often that had failed before. */
  readonly #returned = new Map<ShedName, Returned>()
  #restart = { atMs: Number.NEGATIVE_INFINITY, gapMs: restartGapMs }
  /** Over a limit, and nothing is left to give up. */
  problem: Resource | undefined

  constructor(nowMs: number) {
    this.#startedMs = nowMs
  }

  /** In the order in which they were given up. */
  get held(): ReadonlyArray<Held> {
    return this.#held
  }

  /** Capture begins. */
  begin(nowMs: number): void {
    this.#startedMs = nowMs
    this.#forget()
  }

  #forget(): void {
    this.#shares = { cpu: [], memory: [] }
    this.#calmSinceMs = Number.POSITIVE_INFINITY
  }

  /** One measurement, about a second after the one before. `offered`: what can be given up. */
  decide(nowMs: number, usage: Usage, limits: Limits, offered: ReadonlySet<ShedName>): Decision | undefined {
    const isStarting = nowMs - this.#startedMs < startMs
    this.#add("cpu", isStarting ? undefined : usage.cpu / limits.cpu)
    this.#add("memory", usage.residentBytes / limits.residentBytes)
    this.#learn()
    const needed = resources.find((resource) => this.#isNear(resource))
    if (needed === undefined) this.problem = undefined
    else {
      this.#calmSinceMs = Number.POSITIVE_INFINITY
      const share = this.#share(needed)
      if (needed === "memory" && share > 1 && this.#mayRestart(nowMs))
        return this.#restartCapture(nowMs, usage.residentBytes, limits.residentBytes)
      const step = this.#next(offered)
      if (step !== undefined) {
        this.problem = undefined
        return this.#shed(nowMs, step, needed, share, needed === "cpu" ? limits.cpu : limits.residentBytes)
      }
      this.problem = share > 1 ? needed : undefined
      return undefined
    }
    return this.#comeBack(nowMs)
  }

  /** Capture ended because its heap was full: it begins again with less to do. */
  outOfMemory(nowMs: number, offered: ReadonlySet<ShedName>, limitBytes: number): Decision | undefined {
    this.#restart = { ...this.#restart, atMs: nowMs }
    const step = this.#next(offered)
    return step === undefined ? undefined : this.#shed(nowMs, step, "memory", 1, limitBytes)
  }

  #isHeld(step: ShedName): boolean {
    return this.#held.some((each) => each.step === step)
  }

  #next(offered: ReadonlySet<ShedName>): ShedName | undefined {
    return shedOrder.find((step) => offered.has(step) && !this.#isHeld(step))
  }

  #mayRestart(nowMs: number): boolean {
    return !this.#isHeld("capture") && nowMs - this.#restart.atMs >= this.#restart.gapMs
  }

  #add(resource: Resource, share: number | undefined): void {
    if (share === undefined) return
    const all = this.#shares[resource]
    all.push(share)
    if (all.length > enough[resource]) all.shift()
  }

  #share(resource: Resource): number {
    return mean(this.#shares[resource])
  }

  #isKnown(resource: Resource): boolean {
    return this.#shares[resource].length >= enough[resource]
  }

  #isNear(resource: Resource): boolean {
    const shares = this.#shares[resource]
    if (shares.length >= enoughFarAbove && shares.every((share) => share > farAbove)) return true
    const above = shares.filter((share) => share > near[resource]).length
    return this.#isKnown(resource) && above > shares.length * mostOf && this.#share(resource) > near[resource]
  }

  /** What the newest step has saved shows once there are enough measurements after it. */
  #learn(): void {
    const newest = this.#held.at(-1)
    if (newest !== undefined && newest.after === undefined && this.#isKnown(newest.resource))
      newest.after = this.#share(newest.resource)
  }

  #shed(nowMs: number, step: ShedName, resource: Resource, before: number, limit: number): Decision {
    const returned = this.#returned.get(step)
    if (returned !== undefined) {
      const stayedMs = nowMs - returned.atMs
      const failures =
        stayedMs < failedMs ? returned.failures + 1 : stayedMs < provedMs ? returned.failures : 0
      this.#returned.set(step, { atMs: returned.atMs, failures })
    }
    const newest = this.#held.at(-1)
    if (newest?.resource === resource) newest.after ??= before
    const held: Held = {
      step,
      sinceMs: nowMs,
      resource,
      before,
      used: before * limit,
      limit,
      after: undefined,
    }
    this.#held.push(held)
    this.#forget()
    return { kind: "shed", held }
  }

  #restartCapture(nowMs: number, used: number, limit: number): Decision {
    const hasHelped = nowMs - this.#restart.atMs > restartGapMostMs
    const gapMs = hasHelped ? restartGapMs : Math.min(this.#restart.gapMs * 2, restartGapMostMs)
    this.#restart = { atMs: nowMs, gapMs }
    this.#forget()
    return { kind: "restart", used, limit }
  }

  #comeBack(nowMs: number): Decision | undefined {
    const newest = this.#held.at(-1)
    const isCalm = resources.every(
      (resource) =>
        this.#shares[resource].length > 0 &&
        this.#share(resource) < calm[resource] &&
        (resource !== newest?.resource || this.#isKnown(resource)),
    )
    if (!isCalm) this.#calmSinceMs = Number.POSITIVE_INFINITY
    else if (this.#calmSinceMs > nowMs) this.#calmSinceMs = nowMs
    if (newest === undefined || nowMs - this.#calmSinceMs < this.#waitMs(newest)) return undefined
    this.#held.pop()
    const failures = this.#returned.get(newest.step)?.failures ?? 0
    this.#returned.set(newest.step, { atMs: nowMs, failures })
    this.#forget()
    return { kind: "restore", held: newest }
  }

  /** How long it must be calm before this step comes back. */
  #waitMs(held: Held): number {
    const failures = this.#returned.get(held.step)?.failures ?? 0
    if (failures === 0 && this.#fits(held)) return calmMs
    return Math.min(probeMs * 2 ** failures, probeMostMs)
  }

  /** Whether what is used now and what the step saved when it was given up stay away from the limit together. */
  #fits({ after, before, resource, step }: Held): boolean {
    // Memory does not show what would be needed; without capture nothing shows at all.
    if (resource === "memory" || step === "capture") return true
    if (after === undefined || after < measurable) return false
    // The load may have become less since: what the step would add has become less with it.
    return this.#share("cpu") * Math.max(1, before / after) < near.cpu
  }
}
