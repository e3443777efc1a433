// The controller's wiring, top to bottom: the store, membership, agents, administration, and the two ports.

import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import { join, resolve } from "node:path"
import type { ClickHouse } from "../runtime/clickhouse/ClickHouse.ts"
import type { SondeConfig } from "../runtime/configSchema.ts"
import { Coordination, type CoordinationError } from "../runtime/coordination/Coordination.ts"
import { coordinationInProcess } from "../runtime/coordination/memory.ts"
import { makeMirror } from "../runtime/coordination/Mirror.ts"
import { StatsSources } from "../runtime/metrics.ts"
import { supervise } from "../runtime/supervise.ts"
import { AgentRefused, type ServerAddress } from "../wire/control/AgentRpc.ts"
import type { ListenError } from "../wire/socket.ts"
import { AdminCalls, type AdminHandlers, adminError, makeAdminCalls } from "./admin/AdminCalls.ts"
import { agentCalls, attachedAgent } from "./admin/agentCalls.ts"
import { Audit } from "./admin/Audit.ts"
import type { Caller } from "./admin/Caller.ts"
import { LocalTokenError, localToken } from "./admin/LocalToken.ts"
import { packageCalls } from "./admin/packageCalls.ts"
import { Peers, serverToken } from "./admin/Peers.ts"
import { serverCalls } from "./admin/serverCalls.ts"
import { AgentSessions } from "./agents/AgentSessions.ts"
import { claimingServer, claimPrefix } from "./agents/claim.ts"
import { KnownAgents } from "./agents/KnownAgents.ts"
import { SupportBundles } from "./agents/SupportBundles.ts"
import { serveAdmin, serveAgents } from "./ControlPorts.ts"
import { fencedCommit, whileLeading } from "./membership/leading.ts"
import { Membership } from "./membership/Membership.ts"
import { Packages } from "./package/Packages.ts"
import { serverId, type ServerIdError } from "./serverId.ts"

export type ControllerError = CoordinationError | LocalTokenError | ServerIdError | ListenError

export interface ControllerOptions {
  readonly version: string
  /** Ports of the other components, as others reach them. */
  readonly ports: { readonly ingest: number; readonly http: number }
  readonly roles: ReadonlyArray<string>
}

export interface ControllerPorts {
  readonly control: number
  readonly admin: number
}

export class Controller extends Context.Service<Controller, ControllerPorts>()(
  "sonde/controller/Controller",
) {
  /** Serves both ports as long as the scope is open. */
  static readonly layer = (
    config: SondeConfig,
    options: ControllerOptions,
  ): Layer.Layer<Controller | AdminCalls, ControllerError, ClickHouse> => Layer.unwrap(wire(config, options))
}

/** Where this server's ports are for others. */
const advertised = (config: SondeConfig, listens: string, port: number): string => {
  const host = config.cluster.host === "" ? listens : config.cluster.host
  return `${host.includes(":") ? `[${host}]` : host}:${port}`
}

const coordination = ({ cluster, data }: SondeConfig): Layer.Layer<Coordination, CoordinationError> =>
  cluster.etcd.length === 0
    ? coordinationInProcess({ file: join(resolve(data), "coordination.jsonl") })
    : coordinationEtcd({
        endpoints: cluster.etcd,
        ...(cluster.etcdUser === "" ? {} : { user: cluster.etcdUser, password: cluster.etcdPassword }),
        ...(cluster.etcdCa === "" ? {} : { ca: readFileSync(cluster.etcdCa) }),
      })

const wire = Effect.fnUntraced(function* (config: SondeConfig, options: ControllerOptions) {
  const { admin, cluster, control, data } = config
  const prefix = `/sonde/${cluster.region}/`
  const agentHandlers = yield* Deferred.make<AgentHandlersOptions>()
  const adminCalls = yield* Deferred.make<AdminCalls["Service"]>()
  return Layer.effectContext(
    Effect.gen(function* () {
      const ports: ControllerPorts = {
        control: yield* serveAgents(
          { host: control.host, port: control.port, maxConnections: control.maxAgents },
          agentHandlers,
        ),
        admin: yield* serveAdmin({ host: admin.host, port: admin.port, maxConnections: 256 }, adminCalls),
      }
      const self: ServerRecord = {
        id: yield* serverId(data, cluster.id),
        control: advertised(config, control.host, ports.control),
        ingest: advertised(config, config.ingest.host, options.ports.ingest),
        http: advertised(config, config.http.host, options.ports.http),
        admin: advertised(config, admin.host, ports.admin),
        roles: options.roles,
        region: cluster.region,
        zone: cluster.zone,
        servesZones: cluster.servesZones,
        capacity: cluster.capacity,
        version: options.version,
        startedMs: yield* Clock.currentTimeMillis,
        isDraining: false,
      }
      const services = yield* Layer.build(
        parts(config, self, prefix).pipe(Layer.provideMerge(coordination(config))),
      )
      const { calls, handlers } = yield* assemble(config, options, prefix).pipe(
        Effect.provideContext(services),
      )
      yield* Deferred.succeed(agentHandlers, handlers)
      yield* Deferred.succeed(adminCalls, calls)
      return Context.make(Controller, ports).pipe(Context.add(AdminCalls, calls))
    }),
  )
})
