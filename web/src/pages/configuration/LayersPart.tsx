// The layers of settings: one is chosen and edited, its history and what is being rolled out beside it.

import type { LayerRef, Values } from "../../api/adminContract.ts"
import { useAgents, useConfigSchema, useLayer } from "../../api/adminQueries.ts"
import { Answer } from "../../parts/Answer.tsx"
import { layerText, readLayer } from "./draft.ts"
import { LayerEditor } from "./LayerEditor.tsx"
import { LayerHistory } from "./LayerHistory.tsx"
import { LayerPicker } from "./LayerPicker.tsx"
import { RolloutsCard } from "./RolloutsCard.tsx"
import { type SettingKey, settingKeys } from "./settingKeys.ts"
import type { Inherited } from "./SettingRow.tsx"

const noKeys: ReadonlyArray<SettingKey> = []

interface Beneath {
  readonly from: string
  readonly values: Values
}

/** Of `layers`, the strongest first, the first that sets the key; else the key's own default. */
const inherited =
  (layers: ReadonlyArray<Beneath>) =>
  (key: SettingKey): Inherited => {
    const found = layers.find(({ values }) => Object.hasOwn(values, key.path))
    return found === undefined
      ? { value: key.default, from: "" }
      : { value: found.values[key.path], from: found.from }
  }

const useBeneath = (layer: LayerRef): ReadonlyArray<Beneath> => {
  const agents = useAgents()
  const group = agents.data?.find(({ id }) => id === layer.name)?.group ?? "default"
  const fallback = useLayer({ layer: "default", name: "-" }).data?.values
  const region = useLayer({ layer: "region", name: "-" }).data?.values
  const ofGroup = useLayer({ layer: "group", name: group }).data?.values
  const layers: Array<Beneath> = []
  if (layer.layer === "agent" && ofGroup !== undefined)
    layers.push({ from: `group/${group}`, values: ofGroup })
  if ((layer.layer === "agent" || layer.layer === "group") && region !== undefined)
    layers.push({ from: "region", values: region })
  if (layer.layer !== "default" && fallback !== undefined) layers.push({ from: "default", values: fallback })
  return layers
}

export const LayersPart = ({ params }: { readonly params: URLSearchParams }) => {
  const layer = readLayer(params.get("layer") ?? "")
  const schema = useConfigSchema()
  const version = useLayer(layer)
  const beneath = useBeneath(layer)
  return (
    <>
      <RolloutsCard isOf={({ layer }) => layer !== "packages"} />
      <div className="layers">
        <LayerPicker layer={layer} params={params} />
        <div className="layers-main">
          <Answer query={version} what="this layer">
            {(newest) =>
              schema.isPending ? null : (
                <LayerEditor
                  key={layerText(layer)}
                  layer={layer}
                  newest={newest}
                  keys={schema.data === undefined ? noKeys : settingKeys(schema.data)}
                  inheritedOf={inherited(beneath)}
                />
              )
            }
          </Answer>
          <LayerHistory key={layerText(layer)} layer={layer} />
        </div>
      </div>
    </>
  )
}
