// What an agent and the launcher above it say to each other, over node's channel between parent and child. The two can be of different
// versions of Sonde: what one does not understand it leaves alone.

import * as Option from "effect/Option"
import * as Schema from "effect/Schema"

const LauncherMessage = Schema.Union([
  /** Start this installed version in my place, and see whether it proves itself. */
  Schema.TaggedStruct("Try", {
    name: Schema.String,
    version: Schema.String,
    digest: Schema.String,
    order: Schema.Number,
    tier: Schema.Number,
  }),
  /** Start your own tree in my place. */
  Schema.TaggedStruct("Leave", {}),
  /** I work as the version before me did. */
  Schema.TaggedStruct("Proved", {}),
  /** I do not yet, because. */
  Schema.TaggedStruct("Unwell", { why: Schema.String }),
])
export type LauncherMessage = typeof LauncherMessage.Type

const decode = Schema.decodeUnknownOption(LauncherMessage)

export const readLauncherMessage = (message: unknown): LauncherMessage | undefined =>
  Option.getOrUndefined(decode(message))
