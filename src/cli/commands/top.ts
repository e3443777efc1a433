// `sonde top`: services by request rate, redrawn every two seconds.

import * as Effect from "effect/Effect"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import { styleText } from "node:util"
import { getJson } from "../client.ts"
import { configFlags, configOf, json } from "../options.ts"
import { duration, print, printJson, table } from "../output.ts"

interface MapAnswer {
  readonly edges: ReadonlyArray<{
    readonly client: string
    readonly server: string
    readonly protocols: ReadonlyArray<string>
    readonly ratePerSecond: number
    readonly errorRatio: number
    readonly p50Us: number
    readonly p95Us: number
  }>
  readonly nodes: ReadonlyArray<{ readonly id: string; readonly name: string }>
}

const draw = (map: MapAnswer): string => {
  const name = (id: string): string => map.nodes.find((node) => node.id === id)?.name ?? id
  const rows = map.edges
    .toSorted((a, b) => b.ratePerSecond - a.ratePerSecond)
    .slice(0, Math.max(5, (process.stdout.rows ?? 40) - 4))
    .map((edge) => [
      name(edge.client),
      name(edge.server),
      edge.protocols.join(" "),
      edge.ratePerSecond.toFixed(1),
      edge.errorRatio > 0 ? styleText("red", `${(edge.errorRatio * 100).toFixed(1)} %`) : "0 %",
      duration(edge.p50Us),
      duration(edge.p95Us),
    ])
  if (rows.length === 0) return "No requests in the last 10 s. `sonde demo` makes some."
  return table(["CLIENT", "SERVER", "PROTOCOL", "REQ/S", "ERRORS", "P50", "P95"], rows)
}

export const top = Command.make(
  "top",
  {
    once: Flag.Boolean("once").pipe(Flag.withDescription("Print once and end"), Flag.withDefault(false)),
    ...configFlags,
    json,
  },
  Effect.fnUntraced(function* ({ json, once, ...flags }) {
    const config = yield* configOf(flags)
    const show = Effect.gen(function* () {
      const map = (yield* getJson(config, "/api/v1/map?last=10")) as MapAnswer
      if (json) for (const edge of map.edges) printJson(edge)
      else if (once || !process.stdout.isTTY) print(draw(map))
      // Home, the table, then clear what is left of the last one.
      else process.stdout.write(`\u001b[H${draw(map).replaceAll("\n", "\u001b[K\n")}\u001b[K\n\u001b[J`)
    })
    if (once) return yield* show
    if (process.stdout.isTTY && !json) process.stdout.write("\u001b[2J")
    yield* Effect.forever(Effect.andThen(show, Effect.sleep("2 seconds")))
  }),
).pipe(Command.withDescription("Who calls whom, how often and how fast, live"))
