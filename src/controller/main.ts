// The controller's wiring, top to bottom: the store, membership, agents and their places, administration, and the two ports.

import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import { resolve } from "node:path"
import type { ClickHouse } from "../runtime/clickhouse/ClickHouse.ts"
import type { SondeConfig } from "../runtime/configSchema.ts"
import type { Coordination, CoordinationError } from "../runtime/coordination/Coordination.ts"
import { supervise } from "../runtime/supervise.ts"
import type { Gate } from "../runtime/tls/Gate.ts"
import { regionsOf } from "../runtime/otherRegions.ts"
import type { AgentMachine } from "../wire/control/AdminRpc.ts"
import type { AgentHello, ServerAddress } from "../wire/control/AgentRpc.ts"
import { formatAddress, isLoopback, type ListenError } from "../wire/socket.ts"
import { AdminCalls, type AdminHandlers } from "./admin/AdminCalls.ts"
import { Audit } from "./admin/Audit.ts"
import { type LocalTokenError, localToken } from "./admin/LocalToken.ts"
import type { AgentHandlersOptions } from "./agents/agentHandlers.ts"
import { AgentSessions } from "./agents/AgentSessions.ts"
import { Claims } from "./agents/Claims.ts"
import { KnownAgents } from "./agents/KnownAgents.ts"
import { assemble, type AssembleOptions } from "./assemble.ts"
import type { AgentTraits } from "./config/AgentGroup.ts"
import { AgentGroups } from "./config/AgentGroups.ts"
import { AgentReports } from "./config/AgentReports.ts"
import { ConfigStore } from "./config/ConfigStore.ts"
import { EffectiveConfig } from "./config/EffectiveConfig.ts"
import { Rollouts } from "./config/Rollouts.ts"
import { serveAdmin, serveAgents } from "./ControlPorts.ts"
import { Enrolment } from "./enrol/Enrolment.ts"
import { RegionAuthority } from "./enrol/RegionAuthority.ts"
import { RegionSecurity } from "./enrol/RegionSecurity.ts"
import type { Revocations } from "./enrol/Revocations.ts"
import type { Tokens } from "./enrol/Tokens.ts"
import { Membership, type ServerRecord } from "./membership/Membership.ts"
import { Region } from "./membership/Region.ts"
import { Packages } from "./package/Packages.ts"
import { WantedPackages } from "./package/WantedPackages.ts"
import { Placement } from "./placement/Placement.ts"
import { Guests, makeGuests } from "./regions/Guests.ts"
import { RegionDirectory } from "./regions/RegionDirectory.ts"

export type ControllerError = CoordinationError | LocalTokenError | ListenError

export interface ControllerOptions {
  readonly version: string
  /** Ports of the other components; 0: this server does not have the component. */
  readonly ports: { readonly ingest: number; readonly http: number }
  readonly domains: AdminHandlers["Domains"]
  readonly machines: AssembleOptions["machines"]
  readonly countersOf: AssembleOptions["countersOf"]
}

export interface ControllerPorts {
  readonly control: number
  readonly admin: number
}

export class Controller extends Context.Service<
  Controller,
  ControllerPorts & {
    /** Machines whose agents deliver to other servers of the region; those that do not answer are left out. */
    readonly machinesElsewhere: Effect.Effect<ReadonlyArray<AgentMachine>>
  }
>()("sonde/controller/Controller") {
  /** Serves both ports as long as the scope is open. */
  static readonly layer = (
    config: SondeConfig,
    options: ControllerOptions,
  ): Layer.Layer<
    Controller | AdminCalls,
    ControllerError,
    ClickHouse | Coordination | Membership | Region | RegionSecurity | RegionAuthority | Revocations | Tokens
  > => Layer.effectContext(start(config, options))
}

/** Where this server's ports are for others. */
const advertised = (config: SondeConfig, listens: string, port: number): string => {
  const host = config.cluster.host === "" ? listens : config.cluster.host
  return formatAddress({ host, port })
}

const traitsOf = ({ agent, ...hello }: AgentHello): AgentTraits => ({ ...hello, id: agent })

const addressOf = ({ control, id, ingest }: ServerRecord): ServerAddress => ({ id, control, ingest })

/** Everything but the ports, each part above what it needs. */
const parts = (config: SondeConfig, self: ServerRecord, prefix: string, isTls: boolean) => {
  const { cluster } = config
  const agents = KnownAgents.layer({ prefix, newcomers: cluster.approval ? "pending" : "allowed" })
  const placement = Layer.unwrap(
    Effect.map(KnownAgents, (known) =>
      Placement.layer({
        prefix,
        region: cluster.region,
        allowSpill: cluster.spill,
        wishOf: (id) => {
          const record = known.get(id)
          return record === undefined
            ? undefined
            : { id, region: record.guestOf ?? record.region, zone: record.zone }
        },
      }),
    ),
  )
  const sessions = Layer.unwrap(
    Effect.gen(function* () {
      const membership = yield* Membership
      const claims = yield* Claims
      const effective = yield* EffectiveConfig
      const groups = yield* AgentGroups
      const reports = yield* AgentReports
      const wanted = yield* WantedPackages
      const placement = yield* Placement
      const guests = yield* Guests
      const serverAt = (id: string): ServerAddress | undefined => {
        const record = membership.servers().get(id)
        return record === undefined ? undefined : addressOf(record)
      }
      return AgentSessions.layer({
        prefix,
        self: addressOf(self),
        lease: membership.lease,
        claimOf: claims.entryOf,
        placeOf: ({ agent, cannotReach, guestOf, region, zone }) =>
          Effect.map(
            placement.ensure({ id: agent, region: guestOf ?? region, zone, avoid: cannotReach }),
            (place) => {
              if ("nobody" in place) return place
              const server = serverAt(place.server)
              return server === undefined ? { nobody: `server ${place.server} is not there` } : { server }
            },
          ),
        reported: (agent, report, nowMs) => {
          placement.reported(agent, report.rows, nowMs)
          reports.reported(agent, {
            version: report.configVersion,
            digest: report.configDigest,
            problem: report.configProblem,
            exceptions: report.exceptions.map(({ code }) => code),
            packages: Object.fromEntries((report.packages ?? []).map(({ digest, name }) => [name, digest])),
            packageProblem: report.packageProblem ?? "",
          })
        },
        gone: placement.gone,
        surroundings: {
          servers: () => [...membership.servers().values()].map(addressOf),
          group: (hello) => groups.groupOf(traitsOf(hello)),
          place: (agent) => {
            const server = placement.placeOf(agent)
            return server === undefined ? undefined : serverAt(server)
          },
          // A guest goes on with what it has from home.
          config: (hello) =>
            hello.guestOf === undefined
              ? effective.of(traitsOf(hello))
              : { version: hello.configVersion, digest: hello.configDigest, values: {} },
          packages: (hello) => (hello.guestOf === undefined ? wanted.of(traitsOf(hello)) : undefined),
          elsewhere: (hello) => (hello.guestOf === undefined ? guests?.elsewhere() : undefined),
        },
      })
    }),
  )
  const guests = Layer.unwrap(
    Effect.gen(function* () {
      const directory = yield* RegionDirectory
      if (directory === undefined) return Layer.empty
      const known = yield* KnownAgents
      return Layer.effect(
        Guests,
        makeGuests({
          prefix,
          region: cluster.region,
          label: config.labeler.region,
          allowsSpill: cluster.spill,
          spillRegions: cluster.spillRegions,
          afterSeconds: cluster.spillSeconds,
          isTls,
          directory,
          authority: yield* RegionAuthority,
          hasResident: (agent) => {
            const record = known.get(agent)
            return record !== undefined && record.guestOf === undefined
          },
        }),
      )
    }),
  )
  const rollouts = Layer.unwrap(
    Effect.gen(function* () {
      const claims = yield* Claims
      const known = yield* KnownAgents
      return Rollouts.layer({
        prefix,
        // Guests run with what they have from home.
        agents: () =>
          known.list().filter(({ guestOf, permission }) => permission === "allowed" && guestOf === undefined),
        isConnected: (agent) => claims.serverOf(agent) !== "",
      })
    }),
  )
  return sessions.pipe(
    Layer.provideMerge(guests),
    Layer.provideMerge(Enrolment.layer(prefix)),
    Layer.provideMerge(placement),
    Layer.provideMerge(rollouts),
    Layer.provideMerge([EffectiveConfig.layer, WantedPackages.layer]),
    Layer.provideMerge([ConfigStore.layer(prefix), AgentGroups.layer(prefix), AgentReports.layer(prefix)]),
    Layer.provideMerge(Packages.layer(prefix)),
    Layer.provideMerge(Audit.layer(prefix)),
    Layer.provideMerge(Claims.layer(prefix)),
    Layer.provideMerge(agents),
  )
}

/** A disabled agent keeps its control connection, by which it hears that it may work again. */
const disabledDeliverNothing = (gate: Gate, known: KnownAgents["Service"]) => {
  gate.add(({ identity: { kind, name } }) =>
    kind === "agent" && known.get(name)?.permission === "disabled"
      ? `agent ${name} is disabled by an administrator`
      : undefined,
  )
  return Effect.forkScoped(
    supervise("controller/disabled")(
      Stream.runForEach(known.changes, () => Effect.sync(() => gate.review())),
    ),
  )
}

const start = Effect.fnUntraced(function* (config: SondeConfig, options: ControllerOptions) {
  const { admin, cluster, control } = config
  const data = resolve(config.data)
  const { prefix } = yield* Region
  const membership = yield* Membership
  const security = yield* RegionSecurity
  const tls = security.serverTls === undefined ? {} : { tls: security.serverTls }
  const agentSide = yield* Deferred.make<AgentHandlersOptions>()
  const adminSide = yield* Deferred.make<AdminCalls["Service"]>()
  const ports: ControllerPorts = {
    control: yield* serveAgents(
      { host: control.host, port: control.port, maxConnections: control.maxAgents, ...tls },
      agentSide,
    ),
    admin: yield* serveAdmin({ host: admin.host, port: admin.port, maxConnections: 256, ...tls }, adminSide),
  }
  const token = yield* localToken(data)
  const reach = (listens: string, port: number) => (port === 0 ? "" : advertised(config, listens, port))
  yield* membership.announce({
    control: reach(control.host, ports.control),
    ingest: reach(config.ingest.host, options.ports.ingest),
    // The host's name would lead others to a port that only this machine reaches.
    http:
      isLoopback(config.http.host) && options.ports.http !== 0
        ? formatAddress({ host: config.http.host, port: options.ports.http })
        : reach(config.http.host, options.ports.http),
    admin: reach(admin.host, ports.admin),
  })
  const self = membership.self()
  const services = yield* Layer.build(parts(config, self, prefix, security.serverTls !== undefined))
  const made = yield* assemble({
    prefix,
    region: cluster.region,
    otherRegions: regionsOf(cluster),
    allowsSpill: cluster.spill,
    version: options.version,
    secret: security.secret,
    clientTls: security.clientTls,
    localToken: token,
    agentHours: cluster.agentHours,
    domains: options.domains,
    machines: options.machines,
    countersOf: options.countersOf,
  }).pipe(Effect.provideContext(services))
  yield* disabledDeliverNothing(security.dataGate, Context.get(services, KnownAgents))
  yield* Deferred.succeed(agentSide, made.agentSide)
  yield* Deferred.succeed(adminSide, made.calls)
  return Context.make(Controller, { ...ports, machinesElsewhere: made.machinesElsewhere }).pipe(
    Context.add(AdminCalls, made.calls),
  )
})
