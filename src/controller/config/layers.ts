// Layers of settings, the later winning over the earlier: default, region, the agent's group, the agent itself. Each sets only what it
// wants to; what no layer sets is the agent's own business. A group's packages are kept in the same way, as a layer of their own.

import type { AgentValues } from "../../runtime/agentValues.ts"
import type { LayerRef } from "../../wire/control/AdminRpc.ts"
import { isName } from "./AgentGroup.ts"

export interface Layer {
  readonly ref: LayerRef
  readonly values: AgentValues
}

export interface Merged {
  readonly values: AgentValues
  /** By path: the layer that decided, as `layerName` says it. */
  readonly origins: Readonly<Record<string, string>>
}

/** "default", "region", "group/NAME", "agent/ID", "packages/GROUP": as people write it. */
export const layerName = ({ layer, name }: LayerRef): string =>
  layer === "default" || layer === "region" ? layer : `${layer}/${name}`

/** In keys of the store; default and region have the name `-`. */
export const layerPath = ({ layer, name }: LayerRef): string =>
  layer === "default" || layer === "region" ? `${layer}/-` : `${layer}/${name}`

/** Undefined: it is one. */
export const layerProblem = ({ layer, name }: LayerRef): string | undefined =>
  layer === "default" || layer === "region" || isName(name)
    ? undefined
    : `layer ${layer}/${name}: expected a name of 1 to 64 letters, digits and . _ -`

/** Layers of an agent, the weakest first. */
export const layersOf = (agent: string, group: string): ReadonlyArray<LayerRef> => [
  { layer: "default", name: "-" },
  { layer: "region", name: "-" },
  { layer: "group", name: group },
  { layer: "agent", name: agent },
]

/** `layers`, the weakest first. */
export const mergeLayers = (layers: ReadonlyArray<Layer>): Merged => {
  const values = new Map<string, unknown>()
  const origins = new Map<string, string>()
  for (const layer of layers) {
    const origin = layerName(layer.ref)
    for (const [path, value] of Object.entries(layer.values)) {
      values.set(path, value)
      origins.set(path, origin)
    }
  }
  return { values: Object.fromEntries(values), origins: Object.fromEntries(origins) }
}
