// The embedded engine asks for a secret that only its own process knows. This port adds it, so that several servers share the engine
// as they would share a ClickHouse somewhere.

import { createServer, request } from "node:http"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { ClickHouse } from "../../src/runtime/clickhouse/ClickHouse.ts"

/** Gives the URL. */
export const openFront = (clickhouse: ClickHouse["Service"]): Effect.Effect<string, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.callback<{ readonly url: string; readonly close: () => void }>((resume) => {
      const front = createServer((asked, answer) => {
        const { headers, url } = clickhouse.server()
        const passed = request(
          new URL(asked.url ?? "/", url),
          { method: asked.method, headers: { ...asked.headers, ...headers } },
          (response) => {
            answer.writeHead(response.statusCode ?? 502, response.headers)
            response.on("error", () => answer.destroy()).pipe(answer)
          },
        )
        passed.on("error", () => answer.destroy())
        answer.on("close", () => passed.destroy())
        asked.on("error", () => passed.destroy()).pipe(passed)
      })
      front.listen(0, "127.0.0.1", () => {
        const address = front.address()
        const port = typeof address === "object" && address !== null ? address.port : 0
        resume(
          Effect.succeed({
            url: `http://127.0.0.1:${port}`,
            close: () => {
              front.closeAllConnections()
              front.close()
            },
          }),
        )
      })
    }),
    ({ close }) => Effect.sync(close),
  ).pipe(Effect.map(({ url }) => url))
