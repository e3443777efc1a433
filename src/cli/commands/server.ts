// `sonde server`: ingester, querier and console without an agent.

import * as Effect from "effect/Effect"
import * as Command from "effect/cli/Command"
import { loggerLayer } from "../../runtime/PinoLogger.ts"
import { formatAddress } from "../../wire/socket.ts"
import { configFlags, configOf, fail, json } from "../options.ts"
import { print, printJson } from "../output.ts"
import { startServer } from "../startServer.ts"
import { version } from "../version.ts"

export const server = Command.make(
  "server",
  { ...configFlags, json },
  Effect.fnUntraced(function* ({ json, ...flags }) {
    const config = yield* configOf(flags)
    yield* Effect.gen(function* () {
      const server = yield* startServer(config).pipe(Effect.mapError((error) => fail(error.message)))
      const ingest = formatAddress({ host: config.ingest.host, port: server.ingestPort })
      const control = formatAddress({ host: config.control.host, port: server.controlPort })
      const admin = formatAddress({ host: config.admin.host, port: server.adminPort })
      if (json)
        printJson({ event: "ready", version, url: server.url, ingest, control, admin, pid: process.pid })
      else
        print(
          `Sonde ${version} server: console ${server.url}, agents ask ${control} and deliver to ${ingest}`,
        )
      return yield* Effect.never
    }).pipe(Effect.scoped, Effect.provide(loggerLayer(config.log)))
  }),
).pipe(Command.withDescription("Run ingester, querier and console without an agent"))
