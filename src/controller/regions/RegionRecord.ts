// A region as it tells others of itself: `region/NAME` in the global store, renewed by its leader.

import * as Option from "effect/Option"
import * as Schema from "effect/Schema"

export const RegionRecord = Schema.Struct({
  name: Schema.String,
  /** Control addresses of its servers, some of them where there are many. */
  control: Schema.Array(Schema.String),
  /** URLs of its servers' query APIs; those that only their own machine reaches are left out. */
  http: Schema.Array(Schema.String),
  /** Certificate of the authority by which those are known, PEM, unless others know them. */
  httpAuthority: Schema.optionalKey(Schema.String),
  /** Certificate of its authority, PEM: whom its agents and servers have theirs from. Empty: its ports are plain. */
  authority: Schema.String,
  /** Its agents may go elsewhere, and others may come. */
  allowsSpill: Schema.Boolean,
  servers: Schema.Number,
  agents: Schema.Number,
  /** Agents of other regions among them. */
  guests: Schema.Number,
  /** When it said so, by its own clock. */
  seenMs: Schema.Number,
})
export type RegionRecord = typeof RegionRecord.Type

const decode = Schema.decodeUnknownOption(Schema.fromJsonString(RegionRecord))

export const decodeRegion = (text: string): RegionRecord | undefined => Option.getOrUndefined(decode(text))

/** Addresses that a record carries. */
export const addressesMost = 16
