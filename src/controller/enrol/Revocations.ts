// Certificates of agents that are not taken any more although they have not ended: `revoked/AGENT` in the store, which every server
// follows, and those of other regions, as the copies of them show. A revocation is for all certificates that an agent was given up to a moment, so that a new token brings it back, and it is
// kept until the last of them has ended by itself.

import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { Coordination, type CoordinationError, type Entry } from "../../runtime/coordination/Coordination.ts"
import { makeMirror } from "../../runtime/coordination/Mirror.ts"
import { supervise } from "../../runtime/supervise.ts"
import { dayMs } from "../../runtime/tls/authority.ts"
import { Gate } from "../../runtime/tls/Gate.ts"
import { decodeCopy, revokedCopy } from "../regions/globalKeys.ts"

export const Revocation = Schema.Struct({
  agent: Schema.String,
  atMs: Schema.Number,
  /** Certificates given out until then are refused: a little later than the revocation, as clocks of servers differ. */
  beforeMs: Schema.Number,
  /** All of them have ended then. */
  untilMs: Schema.Number,
  by: Schema.String,
  reason: Schema.String,
})
export type Revocation = typeof Revocation.Type

/** Below the region's prefix. */
export const revokedKeys = "revoked/"

const decode = Schema.decodeUnknownOption(Schema.fromJsonString(Revocation))

const decodedCopy = (entry: Entry): Revocation | undefined =>
  Option.getOrUndefined(decode(decodeCopy(entry)?.value ?? ""))

const clocksDifferMs = 300_000

export class Revocations extends Context.Service<
  Revocations,
  {
    readonly revoke: (
      agent: string,
      by: string,
      reason: string,
    ) => Effect.Effect<Revocation, CoordinationError>
    readonly list: () => ReadonlyArray<Revocation>
    /** In this region, from the store itself; undefined: the agent is not revoked. */
    readonly get: (agent: string) => Effect.Effect<Revocation | undefined, CoordinationError>
    /** Certificates given out until then are refused, here or elsewhere; undefined: none are. From the store itself. */
    readonly refusedUntilMs: (agent: string) => Effect.Effect<number | undefined, CoordinationError>
    /** Removes what has ended; the leader does it now and then. */
    readonly trim: Effect.Effect<void, CoordinationError>
    /** For ports that take agents' certificates; cuts connections of what is revoked. */
    readonly gate: Gate
  }
>()("sonde/controller/Revocations") {
  /** `prefix` of all keys: `/sonde/REGION/`. `certificateDays`: how long certificates last. */
  static readonly layer = (
    prefix: string,
    certificateDays: number,
  ): Layer.Layer<Revocations, CoordinationError, Coordination> =>
    Layer.effect(Revocations, make(prefix, certificateDays * dayMs))
}

const make = (
  prefix: string,
  lastMs: number,
): Effect.Effect<Revocations["Service"], CoordinationError, Coordination | Scope.Scope> =>
  Effect.gen(function* () {
    const coordination = yield* Coordination
    const mirror = yield* makeMirror(prefix + revokedKeys)
    const keyOf = (agent: string) => prefix + revokedKeys + agent
    const copies = prefix + revokedCopy
    const elsewhere = new Map<string, Map<string, Revocation>>()
    const copied = yield* makeMirror(copies, (changes) => {
      for (const change of changes) {
        const key = change.kind === "put" ? change.entry.key : change.key
        const [agent = "", region = ""] = key.slice(copies.length).split("/")
        const revoked = change.kind === "put" ? decodedCopy(change.entry) : undefined
        const ofAgent = elsewhere.get(agent) ?? new Map<string, Revocation>()
        if (revoked === undefined) ofAgent.delete(region)
        else ofAgent.set(region, revoked)
        if (ofAgent.size === 0) elsewhere.delete(agent)
        else elsewhere.set(agent, ofAgent)
      }
    })
    const known = (agent: string): ReadonlyArray<Revocation> => [
      ...Option.toArray(decode(mirror.get(keyOf(agent))?.value ?? "")),
      ...(elsewhere.get(agent)?.values() ?? []),
    ]
    const get = (agent: string) =>
      Effect.map(coordination.get(keyOf(agent)), (entry) =>
        entry === undefined ? undefined : Option.getOrUndefined(decode(entry.value)),
      )

    const gate = new Gate()
    gate.add(({ identity, issuedMs }) => {
      if (identity.kind !== "agent") return undefined
      const revoked = known(identity.name).find(({ beforeMs }) => issuedMs <= beforeMs)
      if (revoked === undefined) return undefined
      const why = revoked.reason === "" ? "" : ` (${revoked.reason})`
      return `the certificate of agent ${identity.name} is revoked${why}: enrol again with a new token`
    })
    yield* Effect.forkScoped(
      supervise("controller/revocations")(
        Stream.runForEach(Stream.mergeAll([mirror.changes, copied.changes], { concurrency: 2 }), () =>
          Effect.sync(() => gate.review()),
        ),
      ),
    )

    return {
      gate,
      list: () => [...mirror.entries().values()].flatMap(({ value }) => Option.toArray(decode(value))),
      revoke: (agent, by, reason) =>
        Effect.gen(function* () {
          const atMs = yield* Clock.currentTimeMillis
          const beforeMs = atMs + clocksDifferMs
          const revocation: Revocation = { agent, atMs, beforeMs, untilMs: beforeMs + lastMs, by, reason }
          yield* coordination.commit({
            writes: [{ put: keyOf(agent), value: JSON.stringify(revocation) }],
          })
          return revocation
        }),
      get,
      refusedUntilMs: (agent) =>
        Effect.gen(function* () {
          const own = yield* get(agent)
          const { entries } = yield* coordination.list(`${copies}${agent}/`)
          const all = [own, ...entries.map(decodedCopy)].flatMap((one) =>
            one === undefined ? [] : [one.beforeMs],
          )
          return all.length === 0 ? undefined : Math.max(...all)
        }),
      trim: Effect.gen(function* () {
        const nowMs = yield* Clock.currentTimeMillis
        for (const { key, modified, value } of mirror.entries().values()) {
          const revoked = Option.getOrUndefined(decode(value))
          if (revoked !== undefined && nowMs < revoked.untilMs) continue
          yield* coordination.commit({
            when: [{ key, is: "modified", at: modified }],
            writes: [{ remove: key }],
          })
        }
      }),
    }
  })
