// What agents cost by the word of the servers that have them (`load/ID/N`), remembered for a while after the server's texts are gone:
// agents of a server that died cost their next one as much.

import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type { Change } from "../../runtime/coordination/Coordination.ts"

/** Pairs rather than a record: an agent may be called `__proto__`. */
const LoadText = Schema.fromJsonString(Schema.Array(Schema.Tuple([Schema.String, Schema.Finite])))
const decode = Schema.decodeUnknownOption(LoadText)

export const encodeLoads = (loads: Iterable<readonly [agent: string, rowsPerSecond: number]>): string =>
  JSON.stringify([...loads])

const rememberedMs = 3_600_000
export const rememberedMost = 200_000

interface Remembered {
  rowsPerSecond: number
  /** Last told, or seen in a text that is still there. */
  atMs: number
}

export class LoadBook {
  readonly #agents = new Map<string, Remembered>()
  /** Agents of the texts that are there. */
  readonly #told = new Map<string, ReadonlyArray<string>>()
  malformed = 0
  /** Loads that were not noted: too many agents. */
  dropped = 0

  get size(): number {
    return this.#agents.size
  }

  /** Undefined: nobody told, or too long ago. */
  of(agent: string): number | undefined {
    return this.#agents.get(agent)?.rowsPerSecond
  }

  take(changes: ReadonlyArray<Change>, nowMs: number): void {
    for (const change of changes) {
      if (change.kind === "removed") {
        this.#seenAt(this.#told.get(change.key) ?? [], nowMs)
        this.#told.delete(change.key)
        continue
      }
      const { key, value } = change.entry
      const loads = Option.getOrUndefined(decode(value))
      if (loads === undefined) {
        this.malformed++
        continue
      }
      // Those that are no longer in the text were told until now.
      this.#seenAt(this.#told.get(key) ?? [], nowMs)
      for (const [agent, rowsPerSecond] of loads) this.note(agent, rowsPerSecond, nowMs)
      this.#told.set(
        key,
        loads.map(([agent]) => agent),
      )
    }
  }

  note(agent: string, rowsPerSecond: number, nowMs: number): void {
    const known = this.#agents.get(agent)
    if (known !== undefined) {
      known.rowsPerSecond = Math.max(0, rowsPerSecond)
      known.atMs = nowMs
    } else if (this.#agents.size < rememberedMost)
      this.#agents.set(agent, { rowsPerSecond: Math.max(0, rowsPerSecond), atMs: nowMs })
    else this.dropped++
  }

  /** Forgets agents of which nobody has told for long. */
  prune(nowMs: number): void {
    for (const agents of this.#told.values()) this.#seenAt(agents, nowMs)
    for (const [agent, { atMs }] of this.#agents) if (nowMs - atMs > rememberedMs) this.#agents.delete(agent)
  }

  #seenAt(agents: ReadonlyArray<string>, nowMs: number): void {
    for (const agent of agents) {
      const known = this.#agents.get(agent)
      if (known !== undefined) known.atMs = nowMs
    }
  }
}
