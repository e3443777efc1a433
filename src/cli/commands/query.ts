// `sonde query SQL`: asks a running server and prints the answer.

import * as Effect from "effect/Effect"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import { postJson } from "../client.ts"
import { configFlags, configOf, fail, json } from "../options.ts"
import { type Cell, print, printJson, table } from "../output.ts"

interface Answer {
  readonly OPT_STATUS?: string
  readonly DESCRIPTION?: string
  readonly result?: {
    readonly columns: ReadonlyArray<string>
    readonly values: ReadonlyArray<ReadonlyArray<unknown>>
  }
}

const cell = (value: unknown): Cell =>
  typeof value === "object" && value !== null ? JSON.stringify(value) : (value as Cell)

export const query = Command.make(
  "query",
  {
    sql: Argument.String("sql").pipe(Argument.withDescription("A SELECT over Sonde's tables")),
    regions: Flag.Literals("regions", ["own", "all"]).pipe(
      Flag.withDescription("Ask the other regions as well (cluster.regions of the server)"),
      Flag.withDefault("own" as const),
    ),
    ...configFlags,
    json,
  },
  Effect.fnUntraced(function* ({ json, regions, sql, ...flags }) {
    const config = yield* configOf(flags)
    const path = regions === "all" ? "/v1/query/?regions=all" : "/v1/query/"
    const answer = (yield* postJson(config, path, { sql })) as Answer
    if (answer.OPT_STATUS === "PARTIAL_RESULT") process.stderr.write(`${answer.DESCRIPTION}\n`)
    if (answer.result === undefined) return yield* fail(answer.DESCRIPTION ?? "the server sent no result")
    const { columns, values } = answer.result
    if (json) {
      for (const row of values) printJson(Object.fromEntries(columns.map((name, at) => [name, row[at]])))
    } else {
      print(
        table(
          columns,
          values.map((row) => row.map(cell)),
        ),
      )
    }
  }),
).pipe(
  Command.withDescription("Ask a running Sonde in SQL"),
  Command.withExamples([
    {
      command: 'sonde query "select auto_service_1, count() from flow_log.l7_flow_log group by 1"',
      description: "Requests by service",
    },
  ]),
)
