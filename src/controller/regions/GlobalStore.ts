// What this region shares with others, as its servers see it: the global store itself, for changes, and the region's copies of it, for
// everything else. Where there is no global store this service is undefined and the region is by itself.

import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import {
  type Change,
  type Coordination,
  CoordinationError,
  type Entry,
  type Revision,
} from "../../runtime/coordination/Coordination.ts"
import { makeMirror } from "../../runtime/coordination/Mirror.ts"
import type { LayerRef } from "../../wire/control/AdminRpc.ts"
import { decodeCopy, globalPrefix, settingsCopy } from "./globalKeys.ts"

export interface SharedSettings {
  /** By the key behind `globalPrefix` (`config/default/-`); `modified` is of the region's store. */
  readonly get: (key: string) => Entry | undefined
  readonly keys: () => Iterable<string>
  /** Of the region's store, up to which the copies here are complete. */
  readonly revision: () => Revision
  readonly changes: Stream.Stream<ReadonlyArray<Change>>
}

export interface GlobalStoreService {
  /** The global store; its failures say what goes on without it. */
  readonly coordination: Coordination["Service"]
  readonly settings: SharedSettings
  /** Is the layer one that all regions share? */
  readonly isShared: (ref: LayerRef) => boolean
}

export const GlobalStore = Context.Reference<GlobalStoreService | undefined>("sonde/controller/GlobalStore", {
  defaultValue: () => undefined,
})

const told = (error: CoordinationError): CoordinationError =>
  error.reason !== "unavailable"
    ? error
    : new CoordinationError({
        reason: "unavailable",
        message:
          `the global store does not answer (${error.message}): what all regions share stays as it is. ` +
          "Agents work on, and the layers region, group (of this region) and agent can be changed",
        cause: error,
      })

const telling = (store: Coordination["Service"]): Coordination["Service"] => ({
  ...store,
  get: (key) => Effect.mapError(store.get(key), told),
  list: (prefix) => Effect.mapError(store.list(prefix), told),
  commit: (transaction) => Effect.mapError(store.commit(transaction), told),
})

/** `prefix` of the region's keys: `/sonde/REGION/`. */
export const makeGlobalStore = (
  prefix: string,
  store: Coordination["Service"],
): Effect.Effect<GlobalStoreService, CoordinationError, Coordination | Scope.Scope> =>
  Effect.gen(function* () {
    const start = prefix + settingsCopy
    const copies = new Map<string, Entry>()
    const mirror = yield* makeMirror(start, (changes) => {
      for (const change of changes) {
        const key = (change.kind === "put" ? change.entry.key : change.key).slice(start.length)
        const copy = change.kind === "put" ? decodeCopy(change.entry) : undefined
        if (change.kind === "removed") copies.delete(key)
        else if (copy !== undefined) copies.set(key, { ...change.entry, value: copy.value })
      }
    })
    const ownGroups = yield* makeMirror(`${prefix}group/`)
    return {
      coordination: telling(store),
      settings: {
        get: (key) => copies.get(key),
        keys: () => copies.keys(),
        revision: mirror.revision,
        changes: mirror.changes,
      },
      // A group of the region hides a shared one of its name: nobody elsewhere changes what a region has decided for itself.
      isShared: ({ layer, name }) =>
        layer === "default" ||
        (layer === "group" &&
          copies.has(`group/${name}`) &&
          ownGroups.get(`${prefix}group/${name}`) === undefined),
    }
  })

/** Where a layer is kept: the store and the prefix of its keys. */
export interface LayerHome {
  readonly coordination: Coordination["Service"]
  readonly prefix: string
}

export const homeOf = (ref: LayerRef, own: LayerHome, global: GlobalStoreService | undefined): LayerHome =>
  global?.isShared(ref) === true ? { coordination: global.coordination, prefix: globalPrefix } : own
