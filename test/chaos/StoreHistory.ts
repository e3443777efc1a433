// Everything that happens in the region's store, in its own order: who leads, who has which agent, and whether anybody wrote in the
// leader's name who was not the leader at that revision.

import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { claimingServer } from "../../src/controller/agents/claim.ts"
import {
  type Change,
  Coordination,
  type CoordinationError,
} from "../../src/runtime/coordination/Coordination.ts"
import { coordinationEtcd } from "../../src/runtime/coordination/etcd.ts"

interface Act {
  readonly server: string
  readonly fence: number
}

export class StoreHistory {
  readonly servers = new Set<string>()
  /** By agent. */
  readonly owners = new Map<string, string>()
  readonly places = new Map<string, string>()
  /** Candidates for leadership, by the revision of their candidacy. */
  readonly #candidates = new Map<string, number>()
  #prefix: string
  #last: Act = { server: "", fence: 0 }
  revision = 0
  /** Writes in the leader's name, and how often another server made them than before. */
  acts = 0
  takeOvers = 0
  readonly faults: Array<string> = []

  constructor(prefix: string) {
    this.#prefix = prefix
  }

  /** The lowest revision leads. */
  get leader(): Act | undefined {
    let first: Act | undefined
    for (const [server, fence] of this.#candidates)
      if (first === undefined || fence < first.fence) first = { server, fence }
    return first
  }

  take(change: Change): void {
    const revision = change.kind === "put" ? change.entry.modified : change.revision
    this.revision = Math.max(this.revision, revision)
    const [kind = "", id = ""] = (change.kind === "put" ? change.entry.key : change.key)
      .slice(this.#prefix.length)
      .split("/")
    const value = change.kind === "put" ? change.entry.value : undefined
    switch (kind) {
      case "server":
        if (value === undefined) this.servers.delete(id)
        else this.servers.add(id)
        break
      case "leader":
        if (change.kind === "put") this.#candidates.set(id, change.entry.created)
        else this.#candidates.delete(id)
        break
      case "session":
        if (value === undefined) this.owners.delete(id)
        else this.owners.set(id, claimingServer(value))
        break
      case "place":
        if (value === undefined) this.places.delete(id)
        else this.places.set(id, (JSON.parse(value) as { readonly server: string }).server)
        break
      case "acted":
        if (value !== undefined) this.#acted(JSON.parse(value) as Act, revision)
    }
  }

  #acted(act: Act, revision: number): void {
    this.acts++
    if (act.server !== this.#last.server) this.takeOvers++
    const { leader } = this
    if (leader?.server !== act.server || leader.fence !== act.fence) {
      const found = leader === undefined ? "nobody led" : `${leader.server} led (${leader.fence})`
      this.faults.push(`revision ${revision}: ${act.server} wrote as leader (${act.fence}), but ${found}`)
    }
    if (act.fence < this.#last.fence)
      this.faults.push(`revision ${revision}: fence ${act.fence} came behind ${this.#last.fence}`)
    this.#last = act
  }
}

/** Follows the store by ways of its own for as long as the scope is open. */
export const followStore = (
  endpoints: ReadonlyArray<string>,
  prefix: string,
): Effect.Effect<StoreHistory, CoordinationError, Scope.Scope> =>
  Effect.gen(function* () {
    const coordination = Context.get(yield* Layer.build(coordinationEtcd({ endpoints })), Coordination)
    const history = new StoreHistory(prefix)
    yield* Effect.forkScoped(
      Stream.runForEach(coordination.watch(prefix, 0), (changes) =>
        Effect.sync(() => changes.forEach((change) => history.take(change))),
      ).pipe(
        Effect.catchCause((cause) =>
          Effect.sync(() => void history.faults.push(`the history is lost: ${Cause.pretty(cause)}`)),
        ),
      ),
    )
    return history
  })
