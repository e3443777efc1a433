// What is wrong with the settings of a layer, told all at once: key, value, what was expected.

import { agentConfigKeys } from "../../runtime/agentConfig.ts"
import { type AgentValues, unknownPaths, valueProblems } from "../../runtime/agentValues.ts"
import { closest } from "../../runtime/closest.ts"
import type { LayerRef } from "../../wire/control/AdminRpc.ts"
import { isPackageName } from "../package/packageName.ts"

/** Of one layer as JSON: far more than all keys together have, and little enough for every server to keep all layers. */
export const layerBytesMost = 65_536

const paths = agentConfigKeys.map(({ path }) => path)

const unknownProblem = (path: string): string => {
  const near = closest(path.replace(/^agent\./, ""), paths)
  return `${path}: no such key that can be set for agents${near === undefined ? "" : `; did you mean ${near}?`}`
}

/** Of one group; agents are told their names in one message. */
const packagesMost = 64

const packageProblems = (values: AgentValues): ReadonlyArray<string> => {
  const found = Object.entries(values)
  if (found.length > packagesMost) return [`${found.length} packages; ${packagesMost} are the most`]
  return found.flatMap(([name, version]) =>
    isPackageName(name) && typeof version === "string" && isPackageName(version)
      ? []
      : [`${name}: expected a version of a package, found ${JSON.stringify(version)}`],
  )
}

/** Empty: the layer may be so. */
export const layerProblems = (ref: LayerRef, values: AgentValues): ReadonlyArray<string> => {
  const bytes = Buffer.byteLength(JSON.stringify(values))
  if (bytes > layerBytesMost) return [`the layer has ${bytes} bytes as JSON; ${layerBytesMost} are the most`]
  return ref.layer === "packages"
    ? packageProblems(values)
    : [...unknownPaths(values).map(unknownProblem), ...valueProblems(values)]
}

/** Of changes to a layer: null takes a key out, also one that no version of Sonde knows any more. */
export const changeProblems = (ref: LayerRef, changes: AgentValues): ReadonlyArray<string> =>
  layerProblems(ref, Object.fromEntries(Object.entries(changes).filter(([, value]) => value !== null)))
