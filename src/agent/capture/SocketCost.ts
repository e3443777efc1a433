// What the kernel side of socket capture costs and loses: the programs' run time, what waited in the ring, events that were refused.

import { HookCosts } from "./native/HookCosts.ts"
import type { SocketTracer } from "./native/SocketTracer.ts"
import type { SourceCost } from "./messages.ts"

/** A call that is only passed over costs about so much of one that makes an event. */
const passedOver = 0.2

const eventsOf = (counters: ReturnType<SocketTracer["counters"]>): number =>
  counters.delivered + passedOver * (counters.filtered + counters.excluded + counters.over_budget)

export class SocketCost {
  readonly #tracer: SocketTracer
  readonly #hooks: HookCosts
  readonly #ringBytes: number
  #peakBytes = 0
  #events = 0
  #atMs = 0
  #refused = 0
  #refusedBy: ReadonlyMap<number, number> = new Map()

  constructor(tracer: SocketTracer, ringBytes: number) {
    this.#tracer = tracer
    this.#hooks = new HookCosts(tracer)
    this.#ringBytes = ringBytes
  }

  /** To be called before each drain. */
  look(): void {
    const waiting = this.#tracer.waiting()
    if (waiting > this.#peakBytes) this.#peakBytes = waiting
    this.#hooks.look(performance.now(), () => eventsOf(this.#tracer.counters()))
  }

  /** To be called about once a second; the peak begins anew. */
  cost(nowMs: number): SourceCost {
    const counters = this.#tracer.counters()
    const events = eventsOf(counters)
    const rate = this.#atMs === 0 ? 0 : ((events - this.#events) * 1_000) / Math.max(1, nowMs - this.#atMs)
    this.#events = events
    this.#atMs = nowMs
    this.#hooks.tick(performance.now(), events, rate)
    const peakBytes = this.#peakBytes
    this.#peakBytes = 0
    return {
      kernel: this.#hooks.share(rate),
      kernelMissing: this.#hooks.missing,
      hooks: this.#hooks.hooks(),
      countedSeconds: this.#hooks.countedSeconds,
      ring: { peakBytes, bytes: this.#ringBytes, lost: counters.ring_full },
      refused: counters.over_budget,
    }
  }

  /** By process; read again only when there are more of them. */
  refusedEvents(): ReadonlyMap<number, number> {
    const refused = this.#tracer.counters().over_budget
    if (refused !== this.#refused) this.#refusedBy = this.#tracer.refusedEvents()
    this.#refused = refused
    return this.#refusedBy
  }

  close(): void {
    this.#hooks.close()
  }
}
