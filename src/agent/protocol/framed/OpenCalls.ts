// Calls of one connection whose answers are still to come, by id, with what the answer shows of its call.
// Bound: 1,024; beyond it the oldest is forgotten and counted.

import type { ParserStats } from "../ParserStats.ts"

const maxOpen = 1024

export class OpenCalls<Call> {
  private readonly calls = new Map<number, Call>()
  private readonly stats: ParserStats

  constructor(stats: ParserStats) {
    this.stats = stats
  }

  has(id: number): boolean {
    return this.calls.has(id)
  }

  add(id: number, call: Call): void {
    if (this.calls.size >= maxOpen && !this.calls.has(id)) {
      const oldest = this.calls.keys().next()
      if (oldest.done !== true) this.calls.delete(oldest.value)
      this.stats.overflows++
    }
    this.calls.set(id, call)
  }

  /** The call that the answer with this id belongs to, which is then no longer open. */
  take(id: number): Call | undefined {
    const call = this.calls.get(id)
    if (call !== undefined) this.calls.delete(id)
    return call
  }
}
