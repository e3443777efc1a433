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
import type { ConnectionOptions } from "node:tls"
import { dial } from "../tls/dial.ts"
import { closedUnheard, tlsProblem } from "../tls/tlsProblem.ts"
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

const pingMs = 5_000
/** A server that is busy, or whose machine is, is not gone; one that was cut off is noticed after this. */
const silenceMs = 15_000

const notSonde = "what answers there does not speak Sonde's protocol: check the address"

/** A client for as long as the scope is open. */
export const connectRpc = <Rpcs extends Rpc.Any>(
  group: RpcGroup.RpcGroup<Rpcs>,
  options: ConnectRpcOptions,
): Effect.Effect<RpcConnection<Rpcs>, RpcUnreachable, Scope.Scope> =>
  Effect.gen(function* () {
    const { address, timeoutMs, tls } = options
    const duplex = yield* Effect.acquireRelease(
      dial(address, tls).pipe(
        Effect.mapError(({ cause, message }) => new RpcUnreachable({ message, cause })),
        Effect.timeoutOrElse({
          duration: timeoutMs,
          orElse: () => Effect.fail(new RpcUnreachable({ message: `no connection within ${timeoutMs} ms` })),
        }),
      ),
      (socket) => Effect.sync(() => socket.destroy()),
      { interruptible: true },
    )
    const gone = yield* Deferred.make<RpcUnreachable>()
    let hasHeard = tls !== undefined
    let why = "the server closed the connection"
    const over = (cause?: Error) => {
      const message = !hasHeard ? closedUnheard : cause === undefined ? why : tlsProblem(cause)
      Deferred.doneUnsafe(gone, Effect.succeed(new RpcUnreachable({ message, cause })))
    }
    duplex.on("error", over)
    duplex.on("close", () => over())
    if (duplex.destroyed) over()
    const serialization = msgpackSerialization({
      onBegin: () => {
        hasHeard = true
      },
      onBroken: (reason) => {
        why = reason === "too long" ? "the server sent a message beyond the limit" : notSonde
        duplex.destroy()
      },
    })
    const socket = yield* NodeSocket.fromDuplex(Effect.succeed(duplex))
    const protocol = yield* RpcClient.makeProtocolSocket({
      retryTransientErrors: false,
      retryPolicy: Schedule.recurs(0),
      pingInterval: pingMs,
      pingTimeout: silenceMs,
      onPingTimeout: Effect.sync(() => {
        hasHeard = true
        why = "the server is silent"
        duplex.destroy()
      }),
    }).pipe(Effect.provideService(Socket.Socket, socket), Effect.provide(serialization))
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
