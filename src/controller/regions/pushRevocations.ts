// The leader's work: which certificates of the region's agents are revoked, told to the global store, so that no other region takes
// such an agent as a guest. As with identities, what is to be told follows from comparing what is here with the copies.

import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { Coordination, type CoordinationError } from "../../runtime/coordination/Coordination.ts"
import { makeMirror } from "../../runtime/coordination/Mirror.ts"
import { revokedKeys } from "../enrol/Revocations.ts"
import { type Change, commitEach } from "../placement/commitEach.ts"
import type { GlobalDuty } from "./followGlobal.ts"
import { decodeCopy, globalPrefix, identityCopy, revokedCopy } from "./globalKeys.ts"
import { decodeIdentity } from "./Identity.ts"

export interface PushRevocationsOptions {
  readonly prefix: string
  readonly region: string
  readonly global: Coordination["Service"]
}

export const pushRevocations = ({
  global,
  prefix,
  region,
}: PushRevocationsOptions): Effect.Effect<GlobalDuty, CoordinationError, Coordination | Scope.Scope> =>
  Effect.gen(function* () {
    const own = yield* Coordination
    const revoked = yield* makeMirror(prefix + revokedKeys)
    const copies = yield* makeMirror(prefix + revokedCopy)
    const agentOf = (key: string) => key.slice((prefix + revokedKeys).length)
    const isHere = (agent: string) =>
      Effect.map(
        own.get(prefix + identityCopy + agent),
        (entry) => (decodeIdentity(entry)?.region ?? region) === region,
      )
    return (fence) =>
      Effect.gen(function* () {
        const changes: Array<Change> = []
        for (const { key, value } of revoked.entries().values()) {
          const agent = agentOf(key)
          const name = `${agent}/${region}`
          if (decodeCopy(copies.get(prefix + revokedCopy + name))?.value === value) continue
          // What is left here of an agent that moved says nothing of it where it is at home now.
          if (yield* isHere(agent))
            changes.push({ when: [], write: { put: `${globalPrefix}revoked/${name}`, value } })
        }
        for (const key of copies.entries().keys()) {
          const name = key.slice((prefix + revokedCopy).length)
          const [agent = "", from] = name.split("/")
          if (from === region && revoked.get(prefix + revokedKeys + agent) === undefined)
            changes.push({ when: [], write: { remove: `${globalPrefix}revoked/${name}` } })
        }
        yield* commitEach(changes, ({ when, writes }) =>
          Effect.map(global.commit({ when: [fence, ...when], writes }), ({ isDone }) => isDone),
        )
      })
  })
