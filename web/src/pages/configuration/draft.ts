// A change to a layer while it is written: what was typed by key, and what it would change. Pure.

import type { LayerRef, Values } from "../../api/adminContract.ts"
import type { SettingKey } from "./settingKeys.ts"
import { readValue } from "./settingValue.ts"

/** By path: what was typed; null: the key is taken out of the layer. */
export type Draft = Readonly<Record<string, string | null>>

export interface Difference {
  readonly path: string
  /** Undefined: not set. */
  readonly before: unknown
  readonly after: unknown
}

export interface Examined {
  readonly differences: ReadonlyArray<Difference>
  /** By path. */
  readonly problems: Readonly<Record<string, string>>
}

const isSame = (one: unknown, other: unknown): boolean => JSON.stringify(one) === JSON.stringify(other)

const ownValue = (values: Values, path: string): unknown =>
  Object.hasOwn(values, path) ? values[path] : undefined

export const examine = (draft: Draft, values: Values, keyOf: (path: string) => SettingKey): Examined => {
  const differences: Array<Difference> = []
  const problems: Record<string, string> = {}
  for (const [path, text] of Object.entries(draft)) {
    const before = ownValue(values, path)
    if (text === null) {
      if (before !== undefined) differences.push({ path, before, after: undefined })
      continue
    }
    const read = readValue(keyOf(path), text)
    if ("problem" in read) problems[path] = read.problem
    else if (!isSame(before, read.value)) differences.push({ path, before, after: read.value })
  }
  return { differences, problems }
}

export const changeCount = (count: number): string => (count === 1 ? "1 change" : `${count} changes`)

/** As the call wants it: null takes a key out. */
export const changedValues = (differences: ReadonlyArray<Difference>): Values =>
  Object.fromEntries(differences.map(({ path, after }) => [path, after === undefined ? null : after]))

/** What differs between two versions, by path in order. */
export const differencesOf = (before: Values, after: Values): ReadonlyArray<Difference> =>
  [...new Set([...Object.keys(before), ...Object.keys(after)])]
    .toSorted()
    .map((path) => ({ path, before: ownValue(before, path), after: ownValue(after, path) }))
    .filter((each) => !isSame(each.before, each.after))

/** "1, 10%, 100%"; empty: all at once. */
export const readStages = (
  text: string,
): { readonly stages: ReadonlyArray<string> } | { readonly problem: string } => {
  const stages = text
    .split(",")
    .map((stage) => stage.trim())
    .filter((stage) => stage !== "")
  const wrong = stages.find((stage) => {
    const found = /^([1-9]\d{0,5})(%?)$/.exec(stage)
    return found === null || (found[2] === "%" && Number(found[1]) > 100)
  })
  return wrong === undefined
    ? { stages }
    : { problem: `Expected numbers of agents or percents, such as 1, 10%, 100%; found ${wrong}.` }
}

/** "default", "group/NAME": as people write a layer. */
export const layerText = ({ layer, name }: LayerRef): string =>
  layer === "default" || layer === "region" ? layer : `${layer}/${name}`

/** Anything else is the default layer. */
export const readLayer = (text: string): LayerRef => {
  const mark = text.indexOf("/")
  const kind = mark < 0 ? text : text.slice(0, mark)
  const name = mark < 0 ? "" : text.slice(mark + 1)
  if ((kind === "group" || kind === "agent") && name !== "") return { layer: kind, name }
  return { layer: kind === "region" ? "region" : "default", name: "-" }
}
