// `sonde config schema|show`: what can be configured, and what is.

import * as Effect from "effect/Effect"
import * as Command from "effect/cli/Command"
import { configJsonSchema } from "../../runtime/configKeys.ts"
import { configFlags, configOf } from "../options.ts"
import { print } from "../output.ts"

const schema = Command.make("schema", {}, () =>
  Effect.sync(() => print(JSON.stringify(configJsonSchema(), null, 2))),
).pipe(Command.withDescription("Print the JSON Schema of sonde.yaml"))

const show = Command.make(
  "show",
  configFlags,
  Effect.fnUntraced(function* (flags) {
    const config = yield* configOf(flags)
    const hidden = (value: string): string => (value === "" ? "" : "***")
    print(
      JSON.stringify(
        {
          ...config,
          ingest: { ...config.ingest, token: hidden(config.ingest.token) },
          storage: { ...config.storage, password: hidden(config.storage.password) },
          agent: { ...config.agent, token: hidden(config.agent.token) },
        },
        null,
        2,
      ),
    )
  }),
).pipe(
  Command.withDescription(
    "Print the configuration in force: defaults, file, environment and flags; secrets hidden",
  ),
)

export const config = Command.make("config").pipe(
  Command.withDescription("What can be configured, and what is"),
  Command.withSubcommands([schema, show]),
)
