// Which version of the agent runs, which one it goes back to, which ones did not work: `agent/release.json` in the data directory.
// Written by the launcher only; the agent reads it when it starts. A damaged file counts as none: then the launcher's own tree runs.

import { closeSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, writeSync } from "node:fs"
import { dirname, join } from "node:path"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"

const Refusal = Schema.Struct({
  version: Schema.String,
  digest: Schema.String,
  /** Of the server's wish: a new one has it tried again. */
  order: Schema.Number,
  problem: Schema.String,
})

const InstalledRelease = Schema.Struct({
  /** Below `agent/versions`. */
  name: Schema.String,
  version: Schema.String,
  /** Of the package, and of the server's wish for it. */
  digest: Schema.String,
  order: Schema.Number,
})
export type InstalledRelease = typeof InstalledRelease.Type

export const Release = Schema.Struct({
  format: Schema.Literal(1),
  /** Version of the launcher's tree: once that is another, somebody replaced it, and it is what runs. */
  own: Schema.String,
  /** Null: the launcher's own tree. */
  current: Schema.NullOr(InstalledRelease),
  previous: Schema.NullOr(InstalledRelease),
  /** Started to be proved. `tier`: of capture before; the new version must not fall behind. */
  trying: Schema.NullOr(
    Schema.Struct({ ...InstalledRelease.fields, tier: Schema.Number, times: Schema.Number }),
  ),
  refused: Schema.Array(Refusal),
  /** When the current version ended without being asked to, milliseconds. */
  endsMs: Schema.Array(Schema.Number),
})
export type Release = typeof Release.Type

const decode = Schema.decodeUnknownOption(Schema.fromJsonString(Release))

/** Refusals that are remembered; the oldest give way. */
const refusedMost = 16

export const ownRelease = (own: string): Release => ({
  format: 1,
  own,
  current: null,
  previous: null,
  trying: null,
  refused: [],
  endsMs: [],
})

const fileOf = (data: string): string => join(data, "agent", "release.json")

/** `own`: version of the launcher's tree. */
export const readRelease = (data: string, own: string): Release => {
  let content: string
  try {
    content = readFileSync(fileOf(data), "utf8")
  } catch {
    return ownRelease(own)
  }
  const release = Option.getOrUndefined(decode(content))
  return release === undefined || release.own !== own ? ownRelease(own) : release
}

/** Throws what the file system does. */
export const writeRelease = (data: string, release: Release): void => {
  const file = fileOf(data)
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
  const descriptor = openSync(`${file}.part`, "w", 0o600)
  try {
    writeSync(descriptor, JSON.stringify(release))
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
  renameSync(`${file}.part`, file)
}

export const withRefusal = (release: Release, refusal: typeof Refusal.Type): Release => ({
  ...release,
  refused: [...release.refused.filter(({ digest }) => digest !== refusal.digest), refusal].slice(
    -refusedMost,
  ),
})
