// Certificates of agents that are not taken any more although they have not ended: `revoked/AGENT` in the store, which every server
// follows. A revocation is for all certificates that an agent was given up to a moment, so that a new token brings it back, and it is
// kept until the last of them has ended by itself.

import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { Coordination, type CoordinationError } from "../../runtime/coordination/Coordination.ts"
import { makeMirror } from "../../runtime/coordination/Mirror.ts"
import { supervise } from "../../runtime/supervise.ts"
import { dayMs } from "../../runtime/tls/authority.ts"
import { Gate } from "../../runtime/tls/Gate.ts"

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

const decode = Schema.decodeUnknownOption(Schema.fromJsonString(Revocation))

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
    /** From the store itself; undefined: the agent is not revoked. */
    readonly get: (agent: string) => Effect.Effect<Revocation | undefined, CoordinationError>
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
    const mirror = yield* makeMirror(`${prefix}revoked/`)
    const keyOf = (agent: string) => `${prefix}revoked/${agent}`
    const known = (agent: string): Revocation | undefined =>
      Option.getOrUndefined(decode(mirror.get(keyOf(agent))?.value ?? ""))

    const gate = new Gate()
    gate.add(({ identity, issuedMs }) => {
      const revoked = identity.kind === "agent" ? known(identity.name) : undefined
      if (revoked === undefined || issuedMs > revoked.beforeMs) return undefined
      const why = revoked.reason === "" ? "" : ` (${revoked.reason})`
      return `the certificate of agent ${identity.name} is revoked${why}: enrol again with a new token`
    })
    yield* Effect.forkScoped(
      supervise("controller/revocations")(
        Stream.runForEach(mirror.changes, () => Effect.sync(() => gate.review())),
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
      get: (agent) =>
        Effect.map(coordination.get(keyOf(agent)), (entry) =>
          entry === undefined ? undefined : Option.getOrUndefined(decode(entry.value)),
        ),
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
