// One version of one layer as the store has it: the newest under `config/`, each under `history/`, and the staged change that may be
// bringing it to agents under `config-rollout/`. The first and the last begin alike so that one watch sees both at once: an agent
// that is not yet to have a new version must never see it without the roll-out that says so.

import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type { Condition, Entry, Write } from "../../runtime/coordination/Coordination.ts"
import type { ConfigVersionView, LayerRef } from "../../wire/control/AdminRpc.ts"
import { layerPath } from "./layers.ts"
import { type Rollout, RolloutRecord } from "./rolloutState.ts"

/** Versions of a layer that stay readable. */
export const versionsMost = 200

export const LayerVersion = Schema.Struct({
  version: Schema.Number,
  values: Schema.Record(Schema.String, Schema.Unknown),
  author: Schema.String,
  comment: Schema.String,
  changedMs: Schema.Number,
  /** Names the write, so that whoever does not know whether it happened can look. */
  write: Schema.String,
  /** Of a version that comes in stages: what agents have until it is their turn, and the revision in which that was written. */
  before: Schema.optionalKey(
    Schema.Struct({ values: Schema.Record(Schema.String, Schema.Unknown), revision: Schema.Number }),
  ),
})
export type LayerVersion = typeof LayerVersion.Type

const decodeVersionText = Schema.decodeUnknownOption(Schema.fromJsonString(LayerVersion))
const decodeRolloutText = Schema.decodeUnknownOption(Schema.fromJsonString(RolloutRecord))

/** A layer that nobody ever changed. */
export const emptyVersion: LayerVersion = {
  version: 0,
  values: {},
  author: "",
  comment: "",
  changedMs: 0,
  write: "",
}

export const decodeVersion = (entry: Entry | undefined): LayerVersion | undefined =>
  entry === undefined ? undefined : Option.getOrUndefined(decodeVersionText(entry.value))

export const decodeRollout = (entry: Entry | undefined): Rollout | undefined =>
  entry === undefined ? undefined : Option.getOrUndefined(decodeRolloutText(entry.value))

export const viewOf = ({ author, changedMs, comment, values, version }: LayerVersion): ConfigVersionView => ({
  version,
  values,
  author,
  comment,
  changedMs,
})

/** Keys below the region's prefix. */
export const liveKeys = "config"
export const configKeyOf = (ref: LayerRef): string => `config/${layerPath(ref)}`
export const rolloutKeyOf = (ref: LayerRef): string => `config-rollout/${layerPath(ref)}`
export const historyKeysOf = (ref: LayerRef): string => `history/${layerPath(ref)}/`

/** Nobody wrote the key since it was read. */
export const unchanged = (key: string, entry: Entry | undefined): Condition =>
  entry === undefined ? { key, is: "absent" } : { key, is: "modified", at: entry.modified }

/** Makes `next` the newest version; the one that falls out of the history goes. */
export const writesOf = (prefix: string, ref: LayerRef, next: LayerVersion): ReadonlyArray<Write> => {
  const value = JSON.stringify(next)
  const history = prefix + historyKeysOf(ref)
  const { before: _, ...kept } = next
  return [
    { put: prefix + configKeyOf(ref), value },
    { put: `${history}${next.version}`, value: JSON.stringify(kept) },
    ...(next.version > versionsMost ? [{ remove: `${history}${next.version - versionsMost}` }] : []),
  ]
}
