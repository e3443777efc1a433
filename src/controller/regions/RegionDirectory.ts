// The regions that share with this one, as its copies show them, and how far the copies go.

import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { Coordination, CoordinationError } from "../../runtime/coordination/Coordination.ts"
import { makeMirror } from "../../runtime/coordination/Mirror.ts"
import { type CopyState, decodeCopy, decodeState, regionCopy, stateKey } from "./globalKeys.ts"
import { decodeRegion, type RegionRecord } from "./RegionRecord.ts"

/** A region whose record was not renewed for so long counts as away. */
const awayMs = 35_000

export interface SharingRegion extends RegionRecord {
  /** When its word came here, by the clock of this region. */
  readonly heardMs: number
}

export interface RegionDirectoryService {
  /** Without this region. */
  readonly others: () => ReadonlyArray<SharingRegion>
  readonly get: (name: string) => SharingRegion | undefined
  readonly state: () => CopyState
  /** It had not told of itself for long when the global store answered last. */
  readonly isAway: (region: SharingRegion) => boolean
}

/** Undefined: the region shares nothing. */
export const RegionDirectory = Context.Reference<RegionDirectoryService | undefined>(
  "sonde/controller/RegionDirectory",
  { defaultValue: () => undefined },
)

export const makeRegionDirectory = (
  prefix: string,
  region: string,
): Effect.Effect<RegionDirectoryService, CoordinationError, Coordination | Scope.Scope> =>
  Effect.gen(function* () {
    const start = prefix + regionCopy
    const known = new Map<string, SharingRegion>()
    yield* makeMirror(start, (changes) => {
      for (const change of changes) {
        const name = (change.kind === "put" ? change.entry.key : change.key).slice(start.length)
        const copy = change.kind === "put" ? decodeCopy(change.entry) : undefined
        const record = copy === undefined ? undefined : decodeRegion(copy.value)
        if (copy === undefined || record?.name !== name) known.delete(name)
        else known.set(name, { ...record, heardMs: copy.copiedMs })
      }
    })
    const state = yield* makeMirror(prefix + stateKey)
    const now = () => decodeState(state.get(prefix + stateKey))
    return {
      others: () =>
        [...known.values()]
          .filter(({ name }) => name !== region)
          .toSorted((one, other) => (one.name < other.name ? -1 : 1)),
      get: (name) => known.get(name),
      state: now,
      isAway: ({ heardMs }) => now().contactMs - heardMs > awayMs,
    }
  })
