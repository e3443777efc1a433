// What the kernel programs cost. The kernel counts runs and nanoseconds only while somebody asks for it, because that costs each run two
// readings of the clock: so it is asked for a moment now and then, and in between the cost follows the number of events.

import type { HookCost } from "../../../model/AgentStatus.ts"

/** Runs and nanoseconds of programs, since they were loaded. */
export interface CountedPrograms {
  /** Throws with a `code` when the kernel does not do it for this process. */
  startCounting(): () => void
  programStats(): ReadonlyArray<readonly [program: string, runs: number, nanoseconds: number, missed: number]>
}

/** Long enough for thousands of runs where programs are dear at all, and over before a busy program has paid much for it. */
const momentMs = 100
const everyMs = 30_000
/** Sooner, when there are much more or less events than when it was counted. */
const soonestMs = 5_000
const muchMore = 1.5
/** Events a second below which a change does not matter. */
const fewEvents = 2_000
/** More than this an event does not cost: what is counted beyond is of calls without one. */
const eventMostNs = 1_000

interface Sum {
  runs: number
  ns: number
  missed: number
}

interface Moment {
  readonly startMs: number
  readonly events: number
  readonly stop: () => void
  readonly before: ReadonlyMap<string, Sum>
}

/** Per second, of the last moment. */
interface Rate extends Sum {
  readonly program: string
}

export class HookCosts {
  readonly #programs: CountedPrograms
  readonly #sums = new Map<string, Sum>()
  #moment: Moment | undefined
  #nextMs = 0
  #endedMs = 0
  #rates: ReadonlyArray<Rate> = []
  /** Events a second in the last moment. */
  #eventRate = 0
  #isKnown = false
  /** Why nothing is counted; empty while something is. */
  missing = ""
  countedSeconds = 0

  constructor(programs: CountedPrograms) {
    this.#programs = programs
  }

  /** To be called about once a second. `events`: made and passed over by the programs, since the start. */
  tick(nowMs: number, events: number, eventRate: number): void {
    if (this.#moment !== undefined) return
    if (nowMs >= this.#nextMs || this.#hasChanged(nowMs, eventRate)) this.#begin(nowMs, events)
  }

  /** To be called as often as events are taken. */
  look(nowMs: number, events: () => number): void {
    if (this.#moment !== undefined && nowMs - this.#moment.startMs >= momentMs)
      this.#end(this.#moment, nowMs, events())
  }

  #hasChanged(nowMs: number, eventRate: number): boolean {
    if (!this.#isKnown || nowMs - this.#endedMs < soonestMs) return false
    const [less, more] =
      eventRate < this.#eventRate ? [eventRate, this.#eventRate] : [this.#eventRate, eventRate]
    return more - less > fewEvents && more > less * muchMore
  }

  #read(): ReadonlyMap<string, Sum> {
    return new Map(
      this.#programs.programStats().map(([program, runs, ns, missed]) => [program, { runs, ns, missed }]),
    )
  }

  #begin(startMs: number, events: number): void {
    let stop = (): void => undefined
    try {
      stop = this.#programs.startCounting()
      this.missing = ""
    } catch (cause) {
      // Somebody else may have it counted all the time (sysctl kernel.bpf_stats_enabled).
      const { code } = cause as { code?: string }
      this.missing =
        code === "EPERM"
          ? "the kernel counts the cost of its programs only for CAP_SYS_ADMIN, or with sysctl kernel.bpf_stats_enabled=1"
          : `the kernel does not count the cost of its programs: ${(cause as Error).message}`
    }
    this.#moment = { startMs, events, stop, before: this.#read() }
  }

  #end({ before, events: eventsBefore, startMs, stop }: Moment, nowMs: number, events: number): void {
    const after = this.#read()
    stop()
    this.#moment = undefined
    this.#endedMs = nowMs
    this.#nextMs = nowMs + everyMs
    const seconds = (nowMs - startMs) / 1_000
    const rates: Array<Rate> = []
    let counted = 0
    for (const [program, now] of after) {
      const then = before.get(program) ?? { runs: 0, ns: 0, missed: 0 }
      const runs = now.runs - then.runs
      const ns = now.ns - then.ns
      const missed = now.missed - then.missed
      counted += runs
      rates.push({ program, runs: runs / seconds, ns: ns / seconds, missed: missed / seconds })
      const sum = this.#sums.get(program) ?? { runs: 0, ns: 0, missed: 0 }
      this.#sums.set(program, { runs: sum.runs + runs, ns: sum.ns + ns, missed: sum.missed + missed })
    }
    if (this.missing !== "" && counted === 0) {
      this.#isKnown = false
      return
    }
    this.missing = ""
    this.#isKnown = true
    this.#rates = rates
    this.#eventRate = (events - eventsBefore) / seconds
    this.countedSeconds += seconds
  }

  /** Share of one processor, at this number of events a second; null: not known. */
  share(eventRate: number): number | null {
    if (!this.#isKnown) return null
    const counted = this.#rates.reduce((sum, { ns }) => sum + ns, 0) / 1e9
    const eventSeconds = Math.min(eventMostNs / 1e9, counted / Math.max(1, this.#eventRate))
    return Math.max(0, counted + (eventRate - this.#eventRate) * eventSeconds)
  }

  /** Those that ran at all, the dearest first. */
  hooks(): ReadonlyArray<HookCost> {
    return this.#rates
      .flatMap(({ ns, program, runs }) => {
        const sum = this.#sums.get(program)!
        if (sum.runs === 0) return []
        return [
          {
            program,
            runsPerSecond: runs,
            nsPerRun: runs === 0 ? 0 : ns / runs,
            runs: sum.runs,
            ns: sum.ns,
            missed: sum.missed,
          },
        ]
      })
      .toSorted((a, b) => b.nsPerRun * b.runsPerSecond - a.nsPerRun * a.runsPerSecond)
  }

  close(): void {
    this.#moment?.stop()
    this.#moment = undefined
  }
}
