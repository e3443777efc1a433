// Child of fleet.ts: a server that is only a controller. Usage: fleetServer.ts ID DIRECTORY ETCD. Prints its control and
// administration ports and its token as one line of JSON; ends with its standard input.

import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import { Controller } from "../src/controller/main.ts"
import { localToken } from "../src/controller/admin/LocalToken.ts"
import { RegionSecurity } from "../src/controller/enrol/RegionSecurity.ts"
import { Region } from "../src/controller/membership/Region.ts"
import { ClickHouse } from "../src/runtime/clickhouse/ClickHouse.ts"
import { ConfigSchema } from "../src/runtime/configSchema.ts"
import { loggerLayer } from "../src/runtime/PinoLogger.ts"

const [, , id = "", directory = "", etcd = ""] = process.argv

const config = Schema.decodeSync(ConfigSchema)({
  data: directory,
  cluster: { id, etcd: etcd.split(","), secret: "of the bench" },
  control: { port: 0 },
  admin: { port: 0 },
  log: { level: "warn" },
})

const ended = Effect.callback<void>((resume) => {
  process.stdin.on("end", () => resume(Effect.void))
  process.stdin.resume()
})

await Effect.runPromise(
  Effect.gen(function* () {
    const services = yield* Layer.build(
      Controller.layer(config, {
        version: "bench",
        ports: { ingest: 0, http: 0 },
        domains: () => Effect.succeed([]),
        machines: () => [],
        countersOf: () => undefined,
      }).pipe(
        // Nothing of a package is asked for.
        Layer.provideMerge(ClickHouse.remote({ url: "http://127.0.0.1:9", user: "", password: "" })),
        Layer.provideMerge(RegionSecurity.layer(config)),
        Layer.provideMerge(Region.layer(config, { version: "bench", roles: ["controller"] })),
      ),
    )
    const { admin, control } = Context.get(services, Controller)
    console.log(JSON.stringify({ control, admin, token: yield* localToken(directory) }))
    yield* ended
  }).pipe(Effect.scoped, Effect.provide(loggerLayer(config.log))),
)
