// Places of agents as this server knows them: what the store's copy shows, and ahead of it what this server has just written itself.
// Tells of every change once, so that sums can be kept.

import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type { Change, Entry, Revision } from "../../runtime/coordination/Coordination.ts"

const PlaceText = Schema.fromJsonString(
  Schema.Struct({
    server: Schema.String,
    sinceMs: Schema.Number,
    isByHand: Schema.optionalKey(Schema.Boolean),
    /** Servers that the agent could not reach, and until when that counts. */
    avoid: Schema.optionalKey(Schema.Array(Schema.Tuple([Schema.String, Schema.Number]))),
  }),
)
export type Place = typeof PlaceText.Type

export interface KnownPlace extends Place {
  readonly revision: Revision
}

const decode = Schema.decodeUnknownOption(PlaceText)

export const decodePlace = (entry: Entry | undefined): KnownPlace | undefined => {
  if (entry === undefined) return undefined
  const place = Option.getOrUndefined(decode(entry.value))
  return place === undefined ? undefined : { ...place, revision: entry.modified }
}

export const encodePlace = (place: Place): string => JSON.stringify(place)

/** So long a server counts as out of an agent's reach that said so; then it is tried again. */
export const avoidMs = 3_600_000

/** Servers that the agent cannot reach, as far as that is not too long ago. Later than possible is the word of a wrong clock. */
export const avoidedBy = (place: KnownPlace | undefined, nowMs: number): ReadonlyArray<string> => {
  if (place?.avoid === undefined) return []
  return place.avoid
    .filter(([, untilMs]) => untilMs > nowMs && untilMs <= nowMs + avoidMs)
    .map(([server]) => server)
}

export class Places {
  readonly #prefix: string
  readonly #changed: (agent: string, after: KnownPlace | undefined) => void
  readonly #all = new Map<string, KnownPlace>()
  /** Written here at that revision, which the copy has not reached; in the order of the revisions, nearly. */
  readonly #ahead = new Map<string, Revision>()
  readonly #byServer = new Map<string, Set<string>>()
  /** Texts that are not places; they count as none. */
  malformed = 0

  /** `prefix` of the keys; `changed` is called after each change. */
  constructor(prefix: string, changed: (agent: string, after: KnownPlace | undefined) => void) {
    this.#prefix = prefix
    this.#changed = changed
  }

  get size(): number {
    return this.#all.size
  }

  get(agent: string): KnownPlace | undefined {
    return this.#all.get(agent)
  }

  entries(): IterableIterator<[string, KnownPlace]> {
    return this.#all.entries()
  }

  /** Agents that belong to a server. */
  at(server: string): ReadonlySet<string> {
    return this.#byServer.get(server) ?? new Set()
  }

  /** The copy changed and is complete up to `revision`; `entryOf` reads it. */
  take(
    changes: ReadonlyArray<Change>,
    revision: Revision,
    entryOf: (key: string) => Entry | undefined,
  ): void {
    for (const change of changes) {
      const agent = (change.kind === "put" ? change.entry.key : change.key).slice(this.#prefix.length)
      if (this.#ahead.has(agent)) continue
      this.#set(agent, this.#decoded(change.kind === "put" ? change.entry : undefined))
    }
    for (const [agent, at] of this.#ahead) {
      // Those behind it come with a later change.
      if (at > revision) break
      this.#ahead.delete(agent)
      this.#set(agent, this.#decoded(entryOf(this.#prefix + agent)))
    }
  }

  /** This server wrote or read a place in the store; `shown`: up to which revision the copy is complete. */
  wrote(agent: string, place: Place, revision: Revision, shown: Revision): void {
    if (shown >= revision) return
    this.#ahead.set(agent, revision)
    this.#set(agent, { ...place, revision })
  }

  #decoded(entry: Entry | undefined): KnownPlace | undefined {
    const place = decodePlace(entry)
    if (entry !== undefined && place === undefined) this.malformed++
    return place
  }

  #set(agent: string, after: KnownPlace | undefined): void {
    const before = this.#all.get(agent)
    if (before?.revision === after?.revision && before?.server === after?.server) return
    if (before !== undefined && before.server !== after?.server) {
      const agents = this.#byServer.get(before.server)
      agents?.delete(agent)
      if (agents?.size === 0) this.#byServer.delete(before.server)
    }
    if (after === undefined) this.#all.delete(agent)
    else {
      this.#all.set(agent, after)
      const agents = this.#byServer.get(after.server)
      if (agents === undefined) this.#byServer.set(after.server, new Set([agent]))
      else agents.add(agent)
    }
    this.#changed(agent, after)
  }
}
