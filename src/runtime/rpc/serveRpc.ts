// Serves an RPC group on a port: one RPC server a connection, so that handlers know who speaks, and everything of a connection ends
// with it. Bounded in connections; one connection's trouble is nobody else's.

import * as NodeSocket from "@effect/platform-node/NodeSocket"
import type * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import type * as Scope from "effect/Scope"
import * as NetAddress from "effect/net/NetAddress"
import type * as Rpc from "effect/rpc/Rpc"
import type * as RpcGroup from "effect/rpc/RpcGroup"
import * as RpcServer from "effect/rpc/RpcServer"
import type * as Socket from "effect/socket/Socket"
import * as SocketServer from "effect/socket/SocketServer"
import { createServer, type Socket as NetSocket } from "node:net"
import { createServer as createTlsServer, type TLSSocket, type TlsOptions } from "node:tls"
import { msgpackSerialization } from "./msgpackSerialization.ts"
import { nobody, type Peer } from "./Peer.ts"

export interface RpcTls {
  readonly options: TlsOptions
  /** What a verified certificate says; `none` where there is none. */
  readonly identityOf: (socket: TLSSocket) => Peer["identity"]
}

export interface ServeRpcOptions<Rpcs extends Rpc.Any, Handlers extends RpcGroup.HandlersFrom<Rpcs>> {
  /** Port 0 takes a free one. */
  readonly address: { readonly host: string; readonly port: number }
  readonly tls?: RpcTls
  readonly maxConnections: number
  /** Made for each connection; its scope ends with the connection. */
  readonly handlers: (peer: Peer) => Effect.Effect<Handlers, never, Scope.Scope>
  /** Counts connections as they come and go. */
  readonly stats?: RpcStats
}

export class RpcStats {
  connections = 0
  accepted = 0
  /** There were too many already. */
  turnedAway = 0
  /** Came without a handshake that TLS asks for. */
  unsafe = 0
}

/** One connection as the server that RPC wants to see. */
const single = (socket: Socket.Socket, over: Deferred.Deferred<void>) =>
  SocketServer.SocketServer.of({
    address: NetAddress.unixPathAddress(""),
    run: (handler) =>
      handler(socket).pipe(
        Effect.catchCause(() => Effect.void),
        Effect.andThen(Deferred.succeed(over, undefined)),
        Effect.andThen(Effect.never),
      ),
  })

const serveOne = <Rpcs extends Rpc.Any, Handlers extends RpcGroup.HandlersFrom<Rpcs>>(
  group: RpcGroup.RpcGroup<Rpcs>,
  options: ServeRpcOptions<Rpcs, Handlers>,
  duplex: NetSocket,
  peer: Peer,
): Effect.Effect<void> =>
  Effect.gen(function* () {
    const over = yield* Deferred.make<void>()
    const socket = yield* NodeSocket.fromDuplex(Effect.succeed(duplex))
    const protocol = yield* RpcServer.makeProtocolSocketServer.pipe(
      Effect.provideService(SocketServer.SocketServer, single(socket, over)),
      Effect.provide(msgpackSerialization()),
    )
    // Handlers need nothing beyond what they were made with.
    const context = yield* group.toHandlers(options.handlers(peer)) as unknown as Effect.Effect<
      Context.Context<never>
    >
    const serving = RpcServer.make(group, { disableTracing: true }).pipe(
      Effect.provideService(RpcServer.Protocol, protocol),
      Effect.provideContext(context),
    ) as Effect.Effect<never>
    yield* Effect.raceFirst(serving, Deferred.await(over))
  }).pipe(
    Effect.scoped,
    Effect.catchCause((cause) => Effect.logDebug(`the connection of ${peer.remote} ended`, cause)),
    Effect.ensuring(Effect.sync(() => duplex.destroy())),
  )

/** Listens until the scope closes; gives the port. The error is that of node's `listen`. */
export const serveRpc = <Rpcs extends Rpc.Any, Handlers extends RpcGroup.HandlersFrom<Rpcs>>(
  group: RpcGroup.RpcGroup<Rpcs>,
  options: ServeRpcOptions<Rpcs, Handlers>,
): Effect.Effect<number, NodeJS.ErrnoException, Scope.Scope> =>
  Effect.gen(function* () {
    const fibers = yield* FiberSet.make()
    const run = yield* FiberSet.runtime(fibers)()
    const stats = options.stats ?? new RpcStats()
    const open = new Set<NetSocket>()
    const accept = (socket: NetSocket, identity: Peer["identity"]): void => {
      if (open.size >= options.maxConnections) {
        stats.turnedAway++
        socket.destroy()
        return
      }
      open.add(socket)
      stats.accepted++
      stats.connections = open.size
      socket.setNoDelay(true)
      // An error without a listener would end the process; the RPC side notices the close.
      socket.on("error", () => {})
      socket.on("close", () => {
        open.delete(socket)
        stats.connections = open.size
      })
      const remote = `${socket.remoteAddress ?? "?"}:${socket.remotePort ?? "?"}`
      run(serveOne(group, options, socket, { remote, identity }))
    }
    const { tls } = options
    const server =
      tls === undefined
        ? createServer((socket) => accept(socket, nobody))
        : createTlsServer(tls.options, (socket) => accept(socket, tls.identityOf(socket)))
    server.on("tlsClientError", () => void stats.unsafe++)
    yield* Effect.acquireRelease(
      Effect.callback<void, NodeJS.ErrnoException>((resume) => {
        server.once("error", (cause) => resume(Effect.fail(cause)))
        server.listen(options.address.port, options.address.host, () => resume(Effect.void))
      }),
      () =>
        Effect.sync(() => {
          server.close()
          for (const socket of open) socket.destroy()
        }),
    )
    const address = server.address()
    return typeof address === "object" && address !== null ? address.port : 0
  })
