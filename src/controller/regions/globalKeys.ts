// Names of what regions share: keys in the global store, and the copies of them that each region keeps in its own store, from which
// its servers read. A copy carries the text and the global revision it is from.

import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type { Entry, Revision } from "../../runtime/coordination/Coordination.ts"

export const globalPrefix = "/sonde-global/"

/** Kinds of keys that regions copy, as they begin behind `globalPrefix`. History stays in the global store. */
export const copiedKinds = ["config", "group", "region/", "identity/", "conflict/", "revoked/"] as const

/** Below the region's prefix. Settings and groups stand under one prefix, so that one watch sees them in order. */
export const settingsCopy = "global/"
export const regionCopy = "global-region/"
export const identityCopy = "global-identity/"
export const conflictCopy = "global-conflict/"
/** Behind it AGENT/REGION. */
export const revokedCopy = "global-revoked/"
export const stateKey = "global-state"

/** Where the copy of a global key stands below the region's prefix; undefined: it is not copied. */
export const copyKeyOf = (globalKey: string): string | undefined => {
  const name = globalKey.slice(globalPrefix.length)
  const kind = copiedKinds.find((one) => name.startsWith(one))
  if (kind === undefined) return undefined
  return kind.endsWith("/") ? `global-${name}` : settingsCopy + name
}

const Copy = Schema.fromJsonString(
  Schema.Struct({
    /** Of the global store. */
    revision: Schema.Number,
    /** When it was copied, by the clock of the region's leader. */
    atMs: Schema.Number,
    value: Schema.String,
  }),
)
const decode = Schema.decodeUnknownOption(Copy)

export interface CopiedEntry {
  readonly value: string
  readonly globalRevision: Revision
  readonly copiedMs: number
}

export const encodeCopy = ({ modified, value }: Entry, atMs: number): string =>
  JSON.stringify({ revision: modified, atMs, value })

export const decodeCopy = (entry: Entry | undefined): CopiedEntry | undefined =>
  entry === undefined
    ? undefined
    : Option.match(decode(entry.value), {
        onNone: () => undefined,
        onSome: ({ atMs, revision, value }) => ({ value, globalRevision: revision, copiedMs: atMs }),
      })

/** How far the region's copies go, and what hinders them. */
export const CopyState = Schema.Struct({
  /** Names the global store, so that one that was made anew is noticed. */
  store: Schema.String,
  /** Up to which everything is copied. */
  revision: Schema.Number,
  /** When the global store answered last; 0: never. */
  contactMs: Schema.Number,
  /** Why it does not answer; empty: it does. */
  problem: Schema.String,
})
export type CopyState = typeof CopyState.Type

const decodeStateText = Schema.decodeUnknownOption(Schema.fromJsonString(CopyState))

export const noCopies: CopyState = { store: "", revision: 0, contactMs: 0, problem: "" }

export const decodeState = (entry: Entry | undefined): CopyState =>
  entry === undefined ? noCopies : Option.getOrElse(decodeStateText(entry.value), () => noCopies)
