// What a package of the kind `agent` says of itself: its first file, `sonde-package.json`. The package is a tar.gz of the tree that the
// agent runs from, signed as a whole; the manifest's checksum says later whether what was unpacked is still the same.

import { createHash } from "node:crypto"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"

export const manifestFile = "sonde-package.json"

/** All packages of the kind `agent` have this name: an agent runs one of them. */
export const agentPackageName = "sonde-agent"

export const AgentManifest = Schema.Struct({
  format: Schema.Literal(1),
  version: Schema.String.check(Schema.isPattern(/^[\w.+-]{1,64}$/)),
  /** `linux-x64`: kernel programs and addon are built for it. */
  platform: Schema.String,
  /** Path of the program that node runs. */
  entry: Schema.String,
  /** The version of node it was built with; one of the same major version that is not older will do. */
  node: Schema.String.check(Schema.isPattern(/^\d+\.\d+\.\d+$/)),
  /** Path of a node of its own; empty: it runs with that of the agent before it. */
  runtime: Schema.String,
  /** Over all other files (`checksumOfFiles`). */
  checksum: Schema.String,
})
export type AgentManifest = typeof AgentManifest.Type

const decode = Schema.decodeUnknownOption(Schema.fromJsonString(AgentManifest))

export const readManifest = (text: string): AgentManifest | undefined => Option.getOrUndefined(decode(text))

export const platformHere = `${process.platform}-${process.arch}`

/** SHA-256 over `DIGEST  PATH` lines, ordered by path. */
export const checksumOfFiles = (files: ReadonlyMap<string, string>): string => {
  const hash = createHash("sha256")
  for (const path of [...files.keys()].toSorted()) hash.update(`${files.get(path)}  ${path}\n`)
  return hash.digest("hex")
}

const numbersOf = (version: string) => version.split(".").map(Number)

/** Empty: the program can run here with `node`. */
export const manifestProblem = (manifest: AgentManifest, node: string): string => {
  if (manifest.platform !== platformHere)
    return `it is for ${manifest.platform}, this machine is ${platformHere}: make a group by the tag arch= for each`
  if (manifest.runtime !== "") return ""
  const [major = 0, minor = 0] = numbersOf(node)
  const [majorAsked = 0, minorAsked = 0] = numbersOf(manifest.node)
  return major === majorAsked && minor >= minorAsked
    ? ""
    : `it needs Node ${manifest.node} or a later ${majorAsked}, here is ${node}: build it with --with-node`
}
