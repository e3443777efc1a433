// Features for people: a table of what is on, off or given up, and below it why, and what to do.

import { styleText } from "node:util"
import type { FeatureView } from "../../querier/ConsoleSources.ts"
import { table } from "../output.ts"

export const stateOf = ({ on, shed }: FeatureView): "on" | "off" | "shed" =>
  shed !== undefined ? "shed" : on ? "on" : "off"

/** What keeps a feature from what it could be, and what to do; empty: nothing does. */
const limitOf = ({ missing, next, shed }: FeatureView): string => {
  const [why, what] =
    shed === undefined
      ? [missing, next]
      : [
          `given up to stay within the budget: ${shed}`,
          "it comes back by itself; raise agent.budget or leave programs out (docs/budgets.md)",
        ]
  return why === "" ? "" : `${why}.${what === "" ? "" : `\n  ${styleText("cyan", "->")} ${what}`}`
}

export const featureText = (features: ReadonlyArray<FeatureView>): string => {
  const rows = features.map((feature) => {
    const state = stateOf(feature)
    return [feature.name, styleText(state === "on" ? "green" : "yellow", state), feature.hook]
  })
  const limits = Map.groupBy(
    features.filter((feature) => limitOf(feature) !== ""),
    limitOf,
  )
  return [
    table(["FEATURE", "STATE", "HOOK"], rows),
    ...(limits.size === 0 ? [] : [""]),
    ...[...limits].map(
      ([text, of]) => `${styleText("bold", of.map(({ name }) => name).join(", "))}: ${text}`,
    ),
  ].join("\n")
}
