// A client of an RPC group over one connection. Nothing is retried behind the caller's back: when the connection ends, calls that wait
// fail, and `closed` says so; whoever wants another connection makes one.

import * as NodeSocket from "@effect/platform-node/NodeSocket"
import * as Data from "effect/Data"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import type * as Rpc from "effect/rpc/Rpc"
import * as RpcClient from "effect/rpc/RpcClient"
import type { RpcClientError } from "effect/rpc/RpcClientError"
import type * as RpcGroup from "effect/rpc/RpcGroup"
import * as Socket from "effect/socket/Socket"
import { connect, type Socket as NetSocket } from "node:net"
import { connect as connectTls, type ConnectionOptions } from "node:tls"
import { msgpackSerialization } from "./msgpackSerialization.ts"

export class RpcUnreachable extends Data.TaggedError("RpcUnreachable")<{
  readonly message: string
  readonly cause?: unknown
}> {}

export interface ConnectRpcOptions {
  readonly address: { readonly host: string; readonly port: number }
  readonly tls?: ConnectionOptions
  /** For the connection and its handshake. */
  readonly timeoutMs: number
}

export interface RpcConnection<Rpcs extends Rpc.Any> {
  readonly client: RpcClient.RpcClient<Rpcs, RpcClientError>
  /** Completes when the connection is gone. */
  readonly closed: Effect.Effect<RpcUnreachable>
}

const dial = ({ address, tls }: ConnectRpcOptions): Effect.Effect<NetSocket, RpcUnreachable> =>
  Effect.callback<NetSocket, RpcUnreachable>((resume) => {
    const { host, port } = address
    const socket = tls === undefined ? connect(port, host) : connectTls({ ...tls, host, port })
    const failed = (cause: Error) => {
      socket.destroy()
      resume(Effect.fail(new RpcUnreachable({ message: cause.message, cause })))
    }
    socket.once("error", failed)
    socket.once("close", () => failed(new Error("the connection was closed before it was ready")))
    socket.once(tls === undefined ? "connect" : "secureConnect", () => {
      socket.off("error", failed)
      socket.removeAllListeners("close")
      socket.setNoDelay(true)
      resume(Effect.succeed(socket))
    })
    return Effect.sync(() => socket.destroy())
  })

export const connectRpc = <Rpcs extends Rpc.Any>(
  group: RpcGroup.RpcGroup<Rpcs>,
  options: ConnectRpcOptions,
): Effect.Effect<RpcConnection<Rpcs>, RpcUnreachable, Scope.Scope> =>
  Effect.gen(function* () {
    const duplex = yield* Effect.acquireRelease(
      dial(options).pipe(
        Effect.timeoutOrElse({
          duration: options.timeoutMs,
          orElse: () =>
            Effect.fail(new RpcUnreachable({ message: `no connection within ${options.timeoutMs} ms` })),
        }),
      ),
      (socket) => Effect.sync(() => socket.destroy()),
      { interruptible: true },
    )
    const gone = yield* Deferred.make<RpcUnreachable>()
    const over = (cause?: Error) =>
      Deferred.doneUnsafe(
        gone,
        Effect.succeed(new RpcUnreachable({ message: cause?.message ?? "the server closed the connection" })),
      )
    duplex.on("error", over)
    duplex.on("close", () => over())
    const socket = yield* NodeSocket.fromDuplex(Effect.succeed(duplex))
    const protocol = yield* RpcClient.makeProtocolSocket({
      retryTransientErrors: false,
      retryPolicy: Schedule.recurs(0),
    }).pipe(Effect.provideService(Socket.Socket, socket), Effect.provide(msgpackSerialization()))
    const client = yield* RpcClient.make(group, { disableTracing: true }).pipe(
      Effect.provideService(RpcClient.Protocol, protocol),
    )
    return {
      client: client as unknown as RpcClient.RpcClient<Rpcs, RpcClientError>,
      closed: Deferred.await(gone),
    }
  })

/** Sends `token` with every call that `effect` makes. */
export const withBearer =
  (token: string) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    RpcClient.withHeaders(effect, { authorization: `Bearer ${token}` })
