// `sonde up`: server and agent in one process tree. The agent is a child process of its own, because it loads native code and
// needs rights that the server does without; it is restarted when it fails and ends with its parent.

import * as Effect from "effect/Effect"
import * as Command from "effect/cli/Command"
import { styleText } from "node:util"
import { loggerLayer } from "../../runtime/PinoLogger.ts"
import { supervise } from "../../runtime/supervise.ts"
import { formatAddress } from "../../wire/socket.ts"
import { agentChild } from "../agentChild.ts"
import { configFlags, configOf, fail, json } from "../options.ts"
import { print, printJson } from "../output.ts"
import { startServer } from "../startServer.ts"
import { version } from "../version.ts"

export const up = Command.make(
  "up",
  { ...configFlags, json },
  Effect.fnUntraced(function* ({ json, ...flags }) {
    const config = yield* configOf(flags)
    yield* Effect.gen(function* () {
      const server = yield* startServer(config).pipe(Effect.mapError((error) => fail(error.message)))
      const agent = Effect.flatMap(server.agentToken, (token) => agentChild(config, server, token))
      yield* Effect.forkScoped(supervise("agent/process", { initial: "500 millis" })(agent))
      const ready = {
        event: "ready",
        version,
        url: server.url,
        ingest: formatAddress({ host: config.ingest.host, port: server.ingestPort }),
        control: formatAddress({ host: config.control.host, port: server.controlPort }),
        admin: formatAddress({ host: config.admin.host, port: server.adminPort }),
        pid: process.pid,
      }
      if (json) printJson(ready)
      else
        print(
          `\n  ${styleText("bold", "Sonde")} ${version} is ready: ${styleText(["cyan", "underline"], server.url)}\n`,
        )
      return yield* Effect.never
    }).pipe(Effect.scoped, Effect.provide(loggerLayer(config.log)))
  }),
).pipe(Command.withDescription("Run agent and server in one process tree"))
