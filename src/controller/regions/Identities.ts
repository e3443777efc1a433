// Whether an agent that comes here is known in another region, as this region's copies show: a copy of it is refused, and one that moved
// here keeps its approval. Nothing is asked of the global store, so this works while the region is cut off.

import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import { Coordination, type CoordinationError } from "../../runtime/coordination/Coordination.ts"
import { AgentRefused } from "../../wire/control/AgentRpc.ts"
import type { Permission } from "../agents/AgentRecord.ts"
import { enrolledPrefix } from "../enrol/EnrolmentRecord.ts"
import { conflictCopy, identityCopy } from "./globalKeys.ts"
import {
  decodeConflict,
  decodeIdentity,
  type IdentityConflict,
  isOtherMachine,
  isSameMachine,
} from "./Identity.ts"

/** Below the region's prefix: an agent came here that was at home elsewhere; the leader tells the global store. */
export const movedKeys = "moved/"

export interface Comer {
  readonly agent: string
  readonly host: string
  readonly machineId: string
}

/** Whether it may speak for the agent, so that its coming counts as the agent's move: not before it is enrolled, where there are certificates. */
export type Proof = "none" | "plain" | "certificate"

export interface IdentitiesService {
  readonly admit: (comer: Comer, proof: Proof) => Effect.Effect<void, AgentRefused | CoordinationError>
  /** What an agent that was admitted lately may do, as its former region said; undefined: nobody said. */
  readonly permissionOf: (agent: string) => Permission | undefined
  /** Empty home: it is known nowhere. */
  readonly of: (
    agent: string,
  ) => Effect.Effect<
    { readonly home: string; readonly conflicts: ReadonlyArray<IdentityConflict> },
    CoordinationError
  >
}

/** Undefined: the region shares nothing. */
export const Identities = Context.Reference<IdentitiesService | undefined>("sonde/controller/Identities", {
  defaultValue: () => undefined,
})

/** Agents that came lately from elsewhere; the oldest give way. */
const permissionsMost = 10_000

export const makeIdentities = (
  prefix: string,
  region: string,
): Effect.Effect<IdentitiesService, never, Coordination> =>
  Effect.map(Coordination, (coordination) => {
    const permissions = new Map<string, Permission>()
    return {
      admit: ({ agent, host, machineId }, proof) =>
        Effect.gen(function* () {
          const known = decodeIdentity(yield* coordination.get(`${prefix}${identityCopy}${agent}`))
          if (known === undefined || known.region === region) return
          if (isOtherMachine(known, { machineId })) {
            return yield* new AgentRefused({
              reason: "cloned",
              message:
                `agent ${agent} is at home in region ${known.region}, on host ${known.host}, and ${host} is another machine: its data directory was copied. ` +
                `Remove agent-id and tls/ here and start again, to get an identity of its own; if that agent is gone for good, delete it there: sonde admin agents delete ${agent}`,
              retryAfterMs: 30_000,
            })
          }
          if (!isSameMachine(known, { machineId })) return
          if (known.permission !== "pending") {
            permissions.delete(agent)
            permissions.set(agent, known.permission)
            if (permissions.size > permissionsMost) permissions.delete(permissions.keys().next().value!)
          }
          if (proof === "none") return
          // A guest has a certificate as well, but no enrolment.
          if (
            proof === "certificate" &&
            (yield* coordination.get(prefix + enrolledPrefix + agent)) === undefined
          )
            return yield* new AgentRefused({
              reason: "identity",
              message: `agent ${agent} is at home in region ${known.region}: it moves to ${region} when it enrols here with a token`,
              retryAfterMs: 60_000,
            })
          yield* coordination.commit({
            writes: [
              { put: `${prefix}${movedKeys}${agent}`, value: JSON.stringify({ over: known.globalRevision }) },
            ],
          })
        }),
      permissionOf: (agent) => permissions.get(agent),
      of: (agent) =>
        Effect.gen(function* () {
          const known = decodeIdentity(yield* coordination.get(`${prefix}${identityCopy}${agent}`))
          const { entries } = yield* coordination.list(`${prefix}${conflictCopy}${agent}/`)
          return {
            home: known?.region ?? "",
            conflicts: entries.flatMap((entry) => decodeConflict(entry) ?? []),
          }
        }),
    }
  })
