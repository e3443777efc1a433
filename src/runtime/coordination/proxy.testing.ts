// A way through which tests lead connections, to cut it: silently, as a network that swallows packets, or with an end.

import { connect, createServer, type Socket } from "node:net"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"

export interface TestProxy {
  readonly endpoint: string
  /** Nothing gets through any more, and nobody is told. */
  readonly cut: Effect.Effect<void>
  readonly restore: Effect.Effect<void>
  /** Connections there are fall silent for good; new ones work. */
  readonly deafen: Effect.Effect<void>
  /** Ends every connection; new ones are taken. */
  readonly drop: Effect.Effect<void>
}

export const startProxy = (target: string): Effect.Effect<TestProxy, never, Scope.Scope> =>
  Effect.gen(function* () {
    const { hostname, port, protocol } = new URL(target)
    const sockets = new Set<Socket>()
    const deaf = new Set<Socket>()
    let isCut = false
    const forward = (from: Socket, to: Socket): void => {
      sockets.add(from)
      from.on("data", (bytes) => {
        if (!isCut && !deaf.has(from)) to.write(bytes)
      })
      from.on("error", () => undefined)
      from.on("close", () => {
        sockets.delete(from)
        deaf.delete(from)
        if (!isCut) to.destroy()
      })
    }
    const server = createServer((client) => {
      const upstream = connect(Number(port), hostname)
      forward(client, upstream)
      forward(upstream, client)
    })
    const drop = Effect.sync(() => sockets.forEach((socket) => socket.destroy()))
    const listening = yield* Effect.acquireRelease(
      Effect.callback<number>((resume) => {
        server.listen(0, "127.0.0.1", () => {
          const address = server.address()
          resume(Effect.succeed(typeof address === "object" && address !== null ? address.port : 0))
        })
      }),
      () =>
        Effect.andThen(
          drop,
          Effect.sync(() => server.close()),
        ),
    )
    return {
      endpoint: `${protocol}//127.0.0.1:${listening}`,
      cut: Effect.sync(() => void (isCut = true)),
      restore: Effect.andThen(
        drop,
        Effect.sync(() => void (isCut = false)),
      ),
      deafen: Effect.sync(() => sockets.forEach((socket) => deaf.add(socket))),
      drop,
    }
  })
