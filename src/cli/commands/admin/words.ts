// Words and colours that the commands of `sonde admin` share.

import { styleText } from "node:util"
import type { RolloutView } from "../../../wire/control/AdminRpc.ts"
import { print, printJson, table } from "../../output.ts"

const colours: Readonly<Record<string, "green" | "yellow" | "red" | "dim">> = {
  running: "green",
  reachable: "green",
  starting: "yellow",
  degraded: "yellow",
  waiting: "yellow",
  pending: "yellow",
  stopping: "yellow",
  disabled: "dim",
  lost: "red",
  unreachable: "red",
  silent: "red",
}

export const stateWord = (state: string): string => {
  const colour = colours[state]
  return colour === undefined ? state : styleText(colour, state)
}

/** How long ago, for people: 12 s, 5 m, 3 h, 2 d. */
export const ago = (ms: number, nowMs: number): string => {
  if (ms <= 0) return "never"
  const seconds = Math.max(0, Math.round((nowMs - ms) / 1_000))
  if (seconds < 90) return `${seconds} s`
  if (seconds < 5_400) return `${Math.round(seconds / 60)} m`
  if (seconds < 129_600) return `${Math.round(seconds / 3_600)} h`
  return `${Math.round(seconds / 86_400)} d`
}

export const when = (ms: number): string => new Date(ms).toISOString().slice(0, 19).replace("T", " ")

/** One JSON object a line, or what `draw` makes of it. */
export const show = <A>(isJson: boolean, values: ReadonlyArray<A>, draw: () => string): void => {
  if (isJson) for (const value of values) printJson(value)
  else print(draw())
}

export const rolloutTable = (rollouts: ReadonlyArray<RolloutView>): string =>
  table(
    ["LAYER", "FROM", "TO", "STATE", "STAGE", "APPLIED", "TROUBLED", "WHY"],
    rollouts.map((one) => [
      one.layer.name === "-" ? one.layer.layer : `${one.layer.layer}/${one.layer.name}`,
      one.from,
      one.to,
      one.state,
      `${one.stages[one.stage] ?? ""} (${one.stage + 1} of ${one.stages.length})`,
      `${one.applied} of ${one.wanted}`,
      one.troubled,
      one.reason,
    ]),
  )
