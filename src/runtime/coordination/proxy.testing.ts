// A way through which tests lead connections, to disturb them: cut silently, as by a network that swallows packets, kept waiting one
// way or both, slow, ended, refused. Who wants to read along says so at the start.

import { connect, createServer, type Socket } from "node:net"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"

export type Side = "client" | "server"

export interface TestProxy {
  readonly endpoint: string
  readonly port: number
  /** Nothing gets through any more, and nobody is told; what is on its way is lost. */
  readonly cut: Effect.Effect<void>
  /** What comes from these sides waits, and arrives late: TCP over a network that is away for a while. */
  readonly hold: (from: ReadonlyArray<Side>) => Effect.Effect<void>
  /** Every piece arrives so much later, each way; 0: at once. */
  readonly delay: (ms: number) => Effect.Effect<void>
  /** Ends every connection, and new ones at once. */
  readonly refuse: Effect.Effect<void>
  /** Undoes the above; connections that were cut end now. */
  readonly restore: Effect.Effect<void>
  /** Connections there are fall silent for good; new ones work. */
  readonly deafen: Effect.Effect<void>
  /** Ends every connection; new ones are taken. */
  readonly drop: Effect.Effect<void>
}

/** Hears every piece of one connection before the other end does. */
export type ReadAlong = (from: Side, bytes: Buffer) => void

export const startProxy = (
  target: string,
  readAlong?: () => ReadAlong,
): Effect.Effect<TestProxy, never, Scope.Scope> =>
  Effect.gen(function* () {
    const { hostname, port, protocol } = new URL(target)
    const sockets = new Map<Socket, Side>()
    const deaf = new Set<Socket>()
    let isCut = false
    let isRefusing = false
    let delayMs = 0
    let held: ReadonlyArray<Side> = []

    const forward = (side: Side, from: Socket, to: Socket, heard: ReadAlong | undefined): void => {
      sockets.set(from, side)
      /** Pieces that are under way, the first to arrive first. */
      const underWay: Array<{ readonly bytes: Buffer; readonly dueMs: number }> = []
      const arrive = (): void => {
        while (underWay.length > 0 && underWay[0].dueMs <= performance.now())
          to.write(underWay.shift()!.bytes)
        if (underWay.length > 0) setTimeout(arrive, underWay[0].dueMs - performance.now())
      }
      from.on("data", (bytes) => {
        if (isCut || deaf.has(from)) return
        heard?.(side, bytes)
        if (delayMs === 0 && underWay.length === 0) {
          to.write(bytes)
          return
        }
        underWay.push({
          bytes,
          dueMs: Math.max(performance.now() + delayMs, underWay.at(-1)?.dueMs ?? 0),
        })
        if (underWay.length === 1) arrive()
      })
      from.on("error", () => undefined)
      from.on("close", () => {
        sockets.delete(from)
        deaf.delete(from)
        if (!isCut) to.destroy()
      })
      if (held.includes(side)) from.pause()
    }
    const server = createServer((client) => {
      if (isRefusing) {
        client.on("error", () => undefined)
        client.destroy()
        return
      }
      const upstream = connect(Number(port), hostname)
      const heard = readAlong?.()
      forward("client", client, upstream, heard)
      forward("server", upstream, client, heard)
    })
    const drop = Effect.sync(() => sockets.forEach((_, socket) => socket.destroy()))
    const hold = (from: ReadonlyArray<Side>) =>
      Effect.sync(() => {
        held = from
        for (const [socket, side] of sockets) {
          if (from.includes(side)) socket.pause()
          else socket.resume()
        }
      })
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
      port: listening,
      cut: Effect.sync(() => void (isCut = true)),
      hold,
      delay: (ms) => Effect.sync(() => void (delayMs = ms)),
      refuse: Effect.andThen(
        Effect.sync(() => void (isRefusing = true)),
        drop,
      ),
      restore: Effect.gen(function* () {
        if (isCut) yield* drop
        isCut = false
        isRefusing = false
        delayMs = 0
        yield* hold([])
      }),
      deafen: Effect.sync(() => sockets.forEach((_, socket) => deaf.add(socket))),
      drop,
    }
  })
