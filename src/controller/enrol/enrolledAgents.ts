// The agents that have a certificate or wait for one, and which name somebody gets who asks for one: a machine that comes again keeps
// its name, and nobody gets that of an agent that runs.

import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { Coordination, CoordinationError, Revision } from "../../runtime/coordination/Coordination.ts"
import { AgentRefused } from "../../wire/control/AgentRpc.ts"
import { claimPrefix } from "../agents/claim.ts"
import { decodeEnrolment, enrolledPrefix, type EnrolmentRecord } from "./EnrolmentRecord.ts"

export interface EnrolledAgents {
  readonly keyOf: (agent: string) => string
  readonly get: (
    agent: string,
  ) => Effect.Effect<
    { readonly record: EnrolmentRecord; readonly modified: Revision } | undefined,
    CoordinationError
  >
  /** Whether a server has it now. */
  readonly isAlive: (agent: string) => Effect.Effect<boolean, CoordinationError>
}

export const makeEnrolledAgents = (prefix: string, coordination: Coordination["Service"]): EnrolledAgents => {
  const keyOf = (agent: string) => `${prefix}${enrolledPrefix}${agent}`
  return {
    keyOf,
    get: (agent) =>
      Effect.map(coordination.get(keyOf(agent)), (entry) => {
        const record = entry === undefined ? undefined : Option.getOrUndefined(decodeEnrolment(entry.value))
        return entry === undefined || record === undefined ? undefined : { record, modified: entry.modified }
      }),
    isAlive: (agent) =>
      Effect.map(coordination.get(`${prefix}${claimPrefix}${agent}`), (entry) => entry !== undefined),
  }
}

/** Removes what nobody asked after for long: the leader does it now and then. Gives how many went. */
export const trimEnrolled = (
  prefix: string,
  coordination: Coordination["Service"],
): Effect.Effect<number, CoordinationError> =>
  Effect.gen(function* () {
    const nowMs = yield* Clock.currentTimeMillis
    const { entries } = yield* coordination.list(`${prefix}${enrolledPrefix}`)
    let gone = 0
    for (const { key, modified, value } of entries) {
      const record = Option.getOrUndefined(decodeEnrolment(value))
      if (record !== undefined && nowMs - record.changedMs < keptMs) continue
      const { isDone } = yield* coordination.commit({
        when: [{ key, is: "modified", at: modified }],
        writes: [{ remove: key }],
      })
      if (isDone) gone++
    }
    return gone
  })

const keptMs = 30 * 86_400_000

export interface Newcomer {
  readonly agent: string
  readonly host: string
  readonly machineId: string
}

/**
 * The name for somebody with a valid token. Its own, if it is free or was given to this very machine; the machine's earlier one, if
 * that came without its name (its data directory was lost). Never one of an agent that runs. `ofMachine`: names that a machine of
 * this id and host name had, the latest first.
 */
export const agentIdFor = (
  newcomer: Newcomer,
  keyDigest: string,
  enrolled: EnrolledAgents,
  ofMachine: (machineId: string, host: string) => ReadonlyArray<string>,
): Effect.Effect<string, AgentRefused | CoordinationError> =>
  Effect.gen(function* () {
    const { agent, host, machineId } = newcomer
    const own = (yield* enrolled.get(agent))?.record
    if (own !== undefined) {
      // Its own request, made again: the answer was lost, or it waits.
      if (own.keyDigest === keyDigest) return agent
      const isOther = own.machineId !== machineId && own.machineId !== "" && machineId !== ""
      if (!isOther && !(yield* enrolled.isAlive(agent))) return agent
      return yield* new AgentRefused({
        reason: "cloned",
        message: `agent ${agent} ${isOther ? "is that of another machine" : "runs now"} (host ${own.host}): cloned identity. If its data directory was copied, remove agent-id and tls/ here and start again, to get an identity of its own`,
        retryAfterMs: 30_000,
      })
    }
    if (machineId === "") return agent
    for (const earlier of ofMachine(machineId, host)) {
      const before = (yield* enrolled.get(earlier))?.record
      if (before?.keyDigest === keyDigest || !(yield* enrolled.isAlive(earlier))) return earlier
    }
    return agent
  })
