// `sonde agent`: the agent alone, delivering to the ingester at agent.server.

import * as Effect from "effect/Effect"
import * as Command from "effect/cli/Command"
import { runAgent } from "../../agent/main.ts"
import { loggerLayer } from "../../runtime/PinoLogger.ts"
import { configFlags, fail, loadedConfigOf, parentGone, withParent } from "../options.ts"
import { version } from "../version.ts"

export const agent = Command.make(
  "agent",
  {
    ...configFlags,
    withParent,
  },
  Effect.fnUntraced(function* ({ withParent, ...flags }) {
    const { config, origins } = yield* loadedConfigOf(flags)
    const excludePids = withParent ? [process.pid, process.ppid] : [process.pid]
    const run = runAgent(config, { excludePids, version, isExplicit: (path) => origins.has(path) }).pipe(
      Effect.mapError((error) => fail(error.message)),
    )
    yield* (withParent ? Effect.raceFirst(run, parentGone) : run).pipe(
      Effect.provide(loggerLayer(config.log)),
    )
  }),
).pipe(Command.withDescription("Run the agent alone; it delivers to the server at agent.server"))
