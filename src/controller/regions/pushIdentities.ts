// The leader's work: what the region's agents are, told to the global store. What is to be told follows from comparing the region's
// records with its copies, so nothing has to be remembered while the region is cut off, and nothing can be forgotten.

import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import {
  type Change as StoreChange,
  type Condition,
  type Coordination,
  type CoordinationError,
} from "../../runtime/coordination/Coordination.ts"
import { makeMirror } from "../../runtime/coordination/Mirror.ts"
import { exposeStats } from "../../runtime/metrics.ts"
import { decodeAgentRecord } from "../agents/AgentRecord.ts"
import { decodeEnrolment, enrolledPrefix } from "../enrol/EnrolmentRecord.ts"
import { type Change, commitEach, type LeaderCommit } from "../placement/commitEach.ts"
import type { GlobalDuty, LeaderFailure } from "./followGlobal.ts"
import { conflictCopy, globalPrefix, identityCopy } from "./globalKeys.ts"
import { movedKeys } from "./Identities.ts"
import {
  type CopiedIdentity,
  decodeIdentity,
  type Identity,
  type IdentityConflict,
  judge,
} from "./Identity.ts"

export interface PushOptions {
  readonly prefix: string
  readonly region: string
  readonly global: Coordination["Service"]
  readonly commit: LeaderCommit<LeaderFailure>
}

const decodeMoved = Schema.decodeUnknownOption(Schema.fromJsonString(Schema.Struct({ over: Schema.Number })))

/** Agents of one beat; the others wait for the next. */
const agentsMost = 10_000

const at = (known: CopiedIdentity | undefined, key: string): Condition =>
  known === undefined ? { key, is: "absent" } : { key, is: "modified", at: known.globalRevision }

export const pushIdentities = (
  options: PushOptions,
): Effect.Effect<GlobalDuty, CoordinationError, Coordination | Scope.Scope> =>
  Effect.gen(function* () {
    const { commit, global, prefix, region } = options
    /** Agents to compare; what is written comes back as a copy and is compared once more. */
    const dirty = new Set<string>()
    const counters = { told: 0, removed: 0, conflicts: 0, contested: 0 }
    const copyOf = (below: string) => {
      const start = prefix + below
      return Effect.map(
        makeMirror(start, (changes: ReadonlyArray<StoreChange>) => {
          for (const change of changes) {
            const key = change.kind === "put" ? change.entry.key : change.key
            dirty.add(key.slice(start.length).split("/")[0]!)
          }
        }),
        (mirror) => (name: string) => mirror.get(start + name),
      )
    }
    const recordOf = yield* copyOf("agent/")
    const enrolledOf = yield* copyOf(enrolledPrefix)
    const identityOf = yield* copyOf(identityCopy)
    const conflictOf = yield* copyOf(conflictCopy)
    const movedOf = yield* copyOf(movedKeys)

    const wantedOf = (agent: string): Identity | undefined => {
      const entry = recordOf(agent)
      const record = entry === undefined ? undefined : Option.getOrUndefined(decodeAgentRecord(entry.value))
      if (record === undefined || record.guestOf !== undefined) return undefined
      const enrolled = enrolledOf(agent)
      const certified =
        enrolled === undefined ? undefined : Option.getOrUndefined(decodeEnrolment(enrolled.value))
      return {
        region,
        host: record.host,
        machineId: record.machineId,
        keyDigest: certified?.keyDigest ?? "",
        permission: record.permission,
      }
    }

    /** What the global store is to be told of an agent. */
    const due = (agent: string, nowMs: number): ReadonlyArray<Change> => {
      const known = decodeIdentity(identityOf(agent))
      const wanted = wantedOf(agent)
      const key = `${globalPrefix}identity/${agent}`
      const conflictKey = `${globalPrefix}conflict/${agent}/${region}`
      const hasConflict = conflictOf(`${agent}/${region}`) !== undefined
      const peace: ReadonlyArray<Change> = hasConflict ? [{ when: [], write: { remove: conflictKey } }] : []
      if (wanted === undefined) {
        if (known?.region !== region) return peace
        counters.removed++
        return [{ when: [at(known, key)], write: { remove: key } }, ...peace]
      }
      const moved = movedOf(agent)
      const over = moved === undefined ? undefined : Option.getOrUndefined(decodeMoved(moved.value))?.over
      switch (judge(known, wanted, over !== undefined && over === known?.globalRevision)) {
        case "take":
          counters.told++
          return [{ when: [at(known, key)], write: { put: key, value: JSON.stringify(wanted) } }, ...peace]
        case "keep":
        case "leave":
          return peace
        case "conflict": {
          if (hasConflict) return []
          counters.conflicts++
          const { host, machineId } = wanted
          const conflict: IdentityConflict = { region, host, machineId, sinceMs: nowMs }
          return [{ when: [], write: { put: conflictKey, value: JSON.stringify(conflict) } }]
        }
      }
    }

    yield* exposeStats("controller_identities", () => ({
      waiting: dirty.size,
      told_total: counters.told,
      removed_total: counters.removed,
      conflicts_total: counters.conflicts,
      contested_total: counters.contested,
    }))

    return (fence) =>
      Effect.gen(function* () {
        const nowMs = yield* Clock.currentTimeMillis
        const agents = [...dirty].slice(0, agentsMost)
        for (const agent of agents) dirty.delete(agent)
        const again = Effect.sync(() => agents.forEach((agent) => dirty.add(agent)))
        const changes = agents.flatMap((agent) => due(agent, nowMs))
        const done = yield* commitEach(changes, ({ when, writes }) =>
          Effect.map(global.commit({ when: [fence, ...when], writes }), ({ isDone }) => isDone),
        ).pipe(Effect.tapError(() => again))
        counters.contested += changes.length - done
        // Somebody else was first: what they wrote comes as a copy, and is compared with.
        if (done < changes.length) yield* again
        // A move that was taken up, or that the agent has gone on from.
        const settled = agents.filter((agent) => {
          const moved = movedOf(agent)
          const known = decodeIdentity(identityOf(agent))
          const over = moved === undefined ? undefined : Option.getOrUndefined(decodeMoved(moved.value))?.over
          return moved !== undefined && over !== known?.globalRevision
        })
        yield* commitEach(
          settled.map((agent) => ({ when: [], write: { remove: `${prefix}${movedKeys}${agent}` } })),
          commit,
        )
      })
  })
