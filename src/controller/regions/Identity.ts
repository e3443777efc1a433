// Who an agent id is, for all regions: `identity/ID` in the global store, claimed by the region where the agent is at home. The rule by
// which a claim is judged stands here, without store or clock: who came first keeps the name, until its agent moves or is deleted.

import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { Permission } from "../agents/AgentRecord.ts"
import { type CopiedEntry, decodeCopy } from "./globalKeys.ts"
import type { Entry } from "../../runtime/coordination/Coordination.ts"

export const Identity = Schema.Struct({
  /** Where it is at home. */
  region: Schema.String,
  host: Schema.String,
  /** Empty: not known. */
  machineId: Schema.String,
  /** Of the public key of its newest certificate; empty: it has none. */
  keyDigest: Schema.String,
  permission: Permission,
})
export type Identity = typeof Identity.Type

/** `conflict/ID/REGION`: a region has an agent of this id that is not the one with the name. */
export const IdentityConflict = Schema.Struct({
  region: Schema.String,
  host: Schema.String,
  machineId: Schema.String,
  sinceMs: Schema.Number,
})
export type IdentityConflict = typeof IdentityConflict.Type

const decodeIdentityText = Schema.decodeUnknownOption(Schema.fromJsonString(Identity))
const decodeConflictText = Schema.decodeUnknownOption(Schema.fromJsonString(IdentityConflict))

export interface CopiedIdentity extends Identity {
  readonly globalRevision: number
}

export const decodeIdentity = (entry: Entry | undefined): CopiedIdentity | undefined => {
  const copy: CopiedEntry | undefined = decodeCopy(entry)
  const identity = copy === undefined ? undefined : Option.getOrUndefined(decodeIdentityText(copy.value))
  return copy === undefined || identity === undefined
    ? undefined
    : { ...identity, globalRevision: copy.globalRevision }
}

export const decodeConflict = (entry: Entry | undefined): IdentityConflict | undefined => {
  const copy = decodeCopy(entry)
  return copy === undefined ? undefined : Option.getOrUndefined(decodeConflictText(copy.value))
}

/** Of a text of the global store; undefined: it cannot be read. */
export const regionOfIdentity = (text: string): string | undefined =>
  Option.getOrUndefined(decodeIdentityText(text))?.region

type Machine = Pick<Identity, "machineId">

export const isSameMachine = (one: Machine, other: Machine): boolean =>
  one.machineId !== "" && one.machineId === other.machineId

export const isOtherMachine = (one: Machine, other: Machine): boolean =>
  one.machineId !== "" && other.machineId !== "" && one.machineId !== other.machineId

/**
 * What becomes of a region's claim upon an id. `take`: it is written; `keep`: it is so already; `leave`: the agent has moved to
 * another region, and what is here is of the past; `conflict`: somebody else has the name. `isMove`: the agent came to this region
 * since the known identity was written.
 */
export const judge = (
  known: Identity | undefined,
  wanted: Identity,
  isMove: boolean,
): "take" | "keep" | "leave" | "conflict" => {
  if (known === undefined) return "take"
  if (known.region === wanted.region) {
    const isSame =
      known.host === wanted.host &&
      known.machineId === wanted.machineId &&
      known.keyDigest === wanted.keyDigest &&
      known.permission === wanted.permission
    return isSame ? "keep" : "take"
  }
  const hasSameKey = known.keyDigest !== "" && known.keyDigest === wanted.keyDigest
  if (!isSameMachine(known, wanted) && !hasSameKey) return "conflict"
  return isMove ? "take" : "leave"
}
