// The two ports of a server's controller: agents' control and administration. Nothing that others can reach is served plain.
// They listen before the rest is there, since the server's record names them; who connects meanwhile waits a moment.

import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { Headers } from "effect/http/Headers"
import { exposeStats } from "../runtime/metrics.ts"
import { type RpcTls, RpcStats, serveRpc } from "../runtime/rpc/serveRpc.ts"
import { AdminRpc } from "../wire/control/AdminRpc.ts"
import { AgentRpc } from "../wire/control/AgentRpc.ts"
import { assertMayListen, listenError, type ListenError } from "../wire/socket.ts"
import type { AdminCalls, AdminTag, PayloadOf } from "./admin/AdminCalls.ts"
import { bearerOf } from "../wire/token.ts"
import { agentHandlers, type AgentHandlersOptions } from "./agents/agentHandlers.ts"

export interface PortOptions {
  readonly host: string
  readonly port: number
  readonly maxConnections: number
  readonly tls?: RpcTls
}

const counted = (stats: RpcStats) => () => ({
  connections: stats.connections,
  accepted_total: stats.accepted,
  turned_away_total: stats.turnedAway,
  unsafe_total: stats.unsafe,
  too_long_total: stats.tooLong,
  malformed_total: stats.malformed,
  flooded_total: stats.flooded,
  idle_total: stats.idle,
})

export const serveAgents = (
  options: PortOptions,
  handlers: Deferred.Deferred<AgentHandlersOptions>,
): Effect.Effect<number, ListenError, Scope.Scope> =>
  Effect.gen(function* () {
    yield* assertMayListen(options, "control.port", options)
    const stats = new RpcStats()
    yield* exposeStats("controller_agent_port", counted(stats))
    return yield* serveRpc(AgentRpc, {
      address: options,
      maxConnections: options.maxConnections,
      stats,
      handlers: (peer) => Effect.flatMap(Deferred.await(handlers), (ready) => agentHandlers(ready)(peer)),
      ...(options.tls === undefined ? {} : { tls: options.tls }),
    }).pipe(Effect.mapError((cause) => listenError(options, "control.port", cause)))
  })

export const serveAdmin = (
  options: PortOptions,
  calls: Deferred.Deferred<AdminCalls["Service"]>,
): Effect.Effect<number, ListenError, Scope.Scope> =>
  Effect.gen(function* () {
    yield* assertMayListen(options, "admin.port", options)
    const stats = new RpcStats()
    yield* exposeStats("controller_admin_port", counted(stats))
    type Handlers = Parameters<typeof AdminRpc.of>[0]
    const handlers = () =>
      Effect.map(
        Deferred.await(calls),
        ({ call }) =>
          Object.fromEntries(
            [...AdminRpc.requests.keys()].map((tag) => [
              tag,
              (payload: PayloadOf<AdminTag>, { headers }: { readonly headers: Headers }) =>
                call(tag as AdminTag, payload, bearerOf(headers["authorization"])),
            ]),
          ) as unknown as Handlers,
      )
    return yield* serveRpc(AdminRpc, {
      address: options,
      maxConnections: options.maxConnections,
      stats,
      handlers,
      ...(options.tls === undefined ? {} : { tls: options.tls }),
    }).pipe(Effect.mapError((cause) => listenError(options, "admin.port", cause)))
  })
