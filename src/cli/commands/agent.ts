// `sonde agent`: the agent alone, delivering to the ingester at agent.server. Where packages may replace it (agent.packageKeys), this
// process is only its launcher.

import * as Effect from "effect/Effect"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import { runAgent } from "../../agent/main.ts"
import { launchAgent } from "../../agent/upgrade/Launcher.ts"
import { loggerLayer } from "../../runtime/PinoLogger.ts"
import { agentLauncher, ownLauncher } from "../agentChild.ts"
import { configFlags, fail, loadedConfigOf, parentGone, withParent } from "../options.ts"
import { print } from "../output.ts"
import { version } from "../version.ts"

const selfCheck = Flag.Boolean("self-check").pipe(
  Flag.withDescription("Only read the configuration and print the version"),
  Flag.withDefault(false),
  Flag.withHidden,
)

export const agent = Command.make(
  "agent",
  {
    ...configFlags,
    selfCheck,
    withParent,
  },
  Effect.fnUntraced(function* ({ selfCheck, withParent, ...flags }) {
    const { config, origins } = yield* loadedConfigOf(flags)
    if (selfCheck) return print(version)
    if (!withParent && config.agent.packageKeys.length > 0) {
      return yield* launchAgent(agentLauncher(config, process.argv.slice(2), process.env)).pipe(
        Effect.catchTag("AgentEnded", ({ isOrderly, message }) =>
          isOrderly ? Effect.void : Effect.fail(fail(message)),
        ),
        Effect.provide(loggerLayer(config.log)),
      )
    }
    const run = runAgent(config, {
      excludePids: withParent ? [process.pid, process.ppid] : [process.pid],
      version,
      isExplicit: (path) => origins.has(path),
      launcher: ownLauncher(),
    }).pipe(Effect.mapError((error) => fail(error.message)))
    yield* (withParent ? Effect.raceFirst(run, parentGone) : run).pipe(
      Effect.provide(loggerLayer(config.log)),
    )
  }),
).pipe(Command.withDescription("Run the agent alone; it delivers to the server at agent.server"))
