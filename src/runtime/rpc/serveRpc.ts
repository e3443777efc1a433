// Serves an RPC group on a port: one RPC server a connection, so that handlers know who speaks, and everything of a connection ends
// with it. Bounded in connections; one connection's trouble is nobody else's.

import * as NodeSocket from "@effect/platform-node/NodeSocket"
import * as Clock from "effect/Clock"
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
import { createServer as createTlsServer, Server as TlsServer } from "node:tls"
import { handshakeProblem, looksLikeTls, tlsOnPlainPort } from "../tls/tlsProblem.ts"
import type { PeerIdentity, ServerTls } from "../tls/tlsOptions.ts"
import { msgpackSerialization } from "./msgpackSerialization.ts"
import { nobody, type Peer } from "./Peer.ts"

export type RpcTls = ServerTls

export interface ServeRpcOptions<Rpcs extends Rpc.Any, Handlers extends RpcGroup.HandlersFrom<Rpcs>> {
  /** Port 0 takes a free one. */
  readonly address: { readonly host: string; readonly port: number }
  readonly tls?: RpcTls
  readonly maxConnections: number
  /** Bytes of one message; 4 MiB unless told. */
  readonly messageBytesMost?: number
  /** Calls of one connection that are not answered yet, streams included; a client that makes more is cut off. */
  readonly callsMost?: number
  /** Without a byte for so long a connection is given up; clients say something every 5 s. */
  readonly idleMs?: number
  /** Made for each connection; its scope ends with the connection. */
  readonly handlers: (peer: Peer) => Effect.Effect<Handlers, never, Scope.Scope>
  /** Counts connections as they come and go. */
  readonly stats?: RpcStats
}

const defaults = { callsMost: 1_024, idleMs: 60_000 }
/** Connections beyond the most that may be in their TLS handshake, or about to be turned away. */
const handshakesMost = 256
const logEveryMs = 10_000

export class RpcStats {
  connections = 0
  accepted = 0
  /** There were too many already. */
  turnedAway = 0
  /** Came without the handshake that TLS asks for, or with one where there is no TLS. */
  unsafe = 0
  /** Cut off: a message beyond the limit. */
  tooLong = 0
  /** Cut off: what is no message. */
  malformed = 0
  /** Cut off: too many calls at the same time. */
  flooded = 0
  /** Cut off: silent for too long. */
  idle = 0
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

/** `protocol`, calling `flooded` when more than `most` calls are open. */
const bounded = (
  protocol: RpcServer.Protocol["Service"],
  most: number,
  flooded: Effect.Effect<void>,
): RpcServer.Protocol["Service"] => {
  const open = new Set<string>()
  return {
    ...protocol,
    run: (write) =>
      protocol.run((clientId, message) => {
        if (message._tag === "Request") {
          if (open.size >= most) return flooded
          open.add(String(message.id))
        }
        return write(clientId, message)
      }),
    send: (clientId, response, transferables) => {
      if (response._tag === "Exit") open.delete(String(response.requestId))
      return protocol.send(clientId, response, transferables)
    },
  }
}

const silence = (duplex: NetSocket, idleMs: number): Effect.Effect<void> =>
  Effect.gen(function* () {
    let heardBytes = -1
    while (duplex.bytesRead !== heardBytes) {
      heardBytes = duplex.bytesRead
      yield* Effect.sleep(idleMs)
    }
  })

const serveOne = <Rpcs extends Rpc.Any, Handlers extends RpcGroup.HandlersFrom<Rpcs>>(
  group: RpcGroup.RpcGroup<Rpcs>,
  options: ServeRpcOptions<Rpcs, Handlers>,
  duplex: NetSocket,
  peer: Peer,
  stats: RpcStats,
  misspoke: (message: string) => void,
): Effect.Effect<void> =>
  Effect.gen(function* () {
    const over = yield* Deferred.make<void>()
    const end = () => Deferred.doneUnsafe(over, Effect.void)
    const socket = yield* NodeSocket.fromDuplex(Effect.succeed(duplex))
    const serialization = msgpackSerialization({
      ...(options.messageBytesMost === undefined ? {} : { bytesMost: options.messageBytesMost }),
      onBegin: (bytes) => {
        if (options.tls === undefined && looksLikeTls(bytes)) misspoke(`${peer.remote} ${tlsOnPlainPort}`)
      },
      onBroken: (reason) => {
        if (reason === "too long") stats.tooLong++
        else stats.malformed++
        end()
      },
    })
    const protocol = yield* RpcServer.makeProtocolSocketServer.pipe(
      Effect.provideService(SocketServer.SocketServer, single(socket, over)),
      Effect.provide(serialization),
    )
    // Handlers need nothing beyond what they were made with.
    const context = yield* group.toHandlers(options.handlers(peer)) as unknown as Effect.Effect<
      Context.Context<never>
    >
    const flooded = Effect.sync(() => {
      stats.flooded++
      end()
    })
    // A bug in one call is that call's, not that of all others on the connection.
    const serving = RpcServer.make(group, { disableTracing: true, disableFatalDefects: true }).pipe(
      Effect.provideService(
        RpcServer.Protocol,
        bounded(protocol, options.callsMost ?? defaults.callsMost, flooded),
      ),
      Effect.provideContext(context),
    ) as Effect.Effect<never>
    const idle = Effect.andThen(
      silence(duplex, options.idleMs ?? defaults.idleMs),
      Effect.sync(() => void stats.idle++),
    )
    yield* Effect.raceAllFirst([serving, Deferred.await(over), idle])
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
    const clock = yield* Clock.Clock
    const open = new Set<NetSocket>()
    let loggedMs = Number.NEGATIVE_INFINITY
    // Whoever can connect could fill the log otherwise.
    const misspoke = (message: string): void => {
      stats.unsafe++
      const nowMs = clock.currentTimeMillisUnsafe()
      if (nowMs - loggedMs < logEveryMs) return
      loggedMs = nowMs
      run(Effect.logWarning(message))
    }
    const accept = (socket: NetSocket, identity: PeerIdentity): void => {
      // An error without a listener would end the process; the RPC side notices the close.
      socket.on("error", () => {})
      if (open.size >= options.maxConnections) {
        stats.turnedAway++
        socket.destroy()
        return
      }
      open.add(socket)
      stats.accepted++
      stats.connections = open.size
      socket.setNoDelay(true)
      socket.on("close", () => {
        open.delete(socket)
        stats.connections = open.size
      })
      const remote = `${socket.remoteAddress ?? "?"}:${socket.remotePort ?? "?"}`
      run(
        serveOne(group, options, socket, { remote, isTls: tls !== undefined, ...identity }, stats, misspoke),
      )
    }
    const { tls } = options
    const server =
      tls === undefined
        ? createServer((socket) => accept(socket, { identity: nobody }))
        : createTlsServer(tls.options(), (socket) => accept(socket, tls.peerOf(socket)))
    server.maxConnections = options.maxConnections + handshakesMost
    server.on("drop", () => void stats.turnedAway++)
    server.on("tlsClientError", (error: Error, socket: NetSocket) =>
      misspoke(`${socket.remoteAddress ?? "a client"} ${handshakeProblem(error)}`),
    )
    if (tls !== undefined && server instanceof TlsServer) {
      const unfollow = tls.follow(server)
      yield* Effect.addFinalizer(() => Effect.sync(unfollow))
    }
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
