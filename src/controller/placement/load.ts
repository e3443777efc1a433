// Rows a second of agents, smoothed, from counters that start anew with the agent.

export interface LoadMeterOptions {
  /** After this time a change counts half. */
  readonly halfLifeMs: number
  /** Agents that are measured; what is beyond is counted only. */
  readonly agentsMost: number
}

export const loadMeterDefaults: LoadMeterOptions = { halfLifeMs: 300_000, agentsMost: 20_000 }

interface Measured {
  /** Latest reading of the counter; undefined: none yet, the rate was handed on by the server before. */
  rows: number | undefined
  atMs: number
  /** Rate and its weight, which approaches 1: the quotient is right from the first interval on. */
  weighted: number
  weight: number
}

/** A rate that nobody has: a counter gone mad does not become a placement. */
const rateMost = 1e9
const msPerSecond = 1_000

export class LoadMeter {
  readonly options: LoadMeterOptions
  readonly #agents = new Map<string, Measured>()
  /** Readings that were not taken: too many agents. */
  dropped = 0

  constructor(options: Partial<LoadMeterOptions> = {}) {
    this.options = { ...loadMeterDefaults, ...options }
  }

  get size(): number {
    return this.#agents.size
  }

  /** `rows`: of the counter since the agent's start. Less than before: it started anew, so all of them are new. */
  update(agent: string, rows: number, nowMs: number): void {
    if (!Number.isFinite(rows) || rows < 0) return
    const known = this.#agents.get(agent)
    if (known === undefined) {
      if (this.#isFull()) return
      this.#agents.set(agent, { rows, atMs: nowMs, weighted: 0, weight: 0 })
      return
    }
    const elapsedMs = nowMs - known.atMs
    if (known.rows !== undefined) {
      if (elapsedMs <= 0) return
      const added = rows >= known.rows ? rows - known.rows : rows
      const rate = Math.min((added * msPerSecond) / elapsedMs, rateMost)
      const kept = 2 ** (-elapsedMs / this.options.halfLifeMs)
      known.weighted = known.weighted * kept + rate * (1 - kept)
      known.weight = known.weight * kept + (1 - kept)
    }
    known.rows = rows
    known.atMs = nowMs
  }

  /** Goes on from the rate that another server measured; does nothing for an agent that is measured here. */
  seed(agent: string, rowsPerSecond: number, nowMs: number): void {
    if (this.#agents.has(agent) || !Number.isFinite(rowsPerSecond) || rowsPerSecond < 0) return
    if (this.#isFull()) return
    const weighted = Math.min(rowsPerSecond, rateMost)
    this.#agents.set(agent, { rows: undefined, atMs: nowMs, weighted, weight: 1 })
  }

  has(agent: string): boolean {
    return this.#agents.has(agent)
  }

  /** Undefined: not measured yet. */
  rowsPerSecond(agent: string): number | undefined {
    const known = this.#agents.get(agent)
    return known === undefined || known.weight <= 0 ? undefined : known.weighted / known.weight
  }

  /** Forgets agents that said nothing since `beforeMs`. */
  prune(beforeMs: number): void {
    for (const [agent, { atMs }] of this.#agents) if (atMs < beforeMs) this.#agents.delete(agent)
  }

  forget(agent: string): void {
    this.#agents.delete(agent)
  }

  /** All that are measured. */
  *rates(): Generator<readonly [agent: string, rowsPerSecond: number], void, undefined> {
    for (const [agent, { weight, weighted }] of this.#agents) if (weight > 0) yield [agent, weighted / weight]
  }

  #isFull(): boolean {
    if (this.#agents.size < this.options.agentsMost) return false
    this.dropped++
    return true
  }
}
