// Puts the controller's parts together: what agents' handlers and administration's calls ask of whom, and what runs beside them.

import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { Coordination } from "../runtime/coordination/Coordination.ts"
import { StatsSources } from "../runtime/metrics.ts"
import type { OtherRegion } from "../runtime/otherRegions.ts"
import type { Peer } from "../runtime/rpc/Peer.ts"
import type { ClientTls } from "../runtime/tls/tlsOptions.ts"
import { supervise } from "../runtime/supervise.ts"
import type { AdminError, AgentMachine } from "../wire/control/AdminRpc.ts"
import { AgentRefused } from "../wire/control/AgentRpc.ts"
import { isLoopback, parseAddress } from "../wire/socket.ts"
import { type AdminHandlers, adminError, makeAdminCalls } from "./admin/AdminCalls.ts"
import { agentCalls, attachedAgent } from "./admin/agentCalls.ts"
import { Audit } from "./admin/Audit.ts"
import type { Caller } from "./admin/Caller.ts"
import { configCalls } from "./admin/configCalls.ts"
import { tokenCalls } from "./admin/tokenCalls.ts"
import { packageCalls } from "./admin/packageCalls.ts"
import { Peers, serverToken } from "./admin/Peers.ts"
import { serverCalls } from "./admin/serverCalls.ts"
import type { AgentHandlersOptions } from "./agents/agentHandlers.ts"
import { AgentSessions } from "./agents/AgentSessions.ts"
import { Claims } from "./agents/Claims.ts"
import { KnownAgents } from "./agents/KnownAgents.ts"
import { SupportBundles } from "./agents/SupportBundles.ts"
import { AgentGroups } from "./config/AgentGroups.ts"
import { AgentReports } from "./config/AgentReports.ts"
import { ConfigStore } from "./config/ConfigStore.ts"
import { EffectiveConfig } from "./config/EffectiveConfig.ts"
import { driveRollouts, Rollouts } from "./config/Rollouts.ts"
import { Enrolment, type EnrolmentRequest } from "./enrol/Enrolment.ts"
import { RegionAuthority } from "./enrol/RegionAuthority.ts"
import { Revocations } from "./enrol/Revocations.ts"
import { Tokens } from "./enrol/Tokens.ts"
import { fencedCommit, whileLeading } from "./membership/leading.ts"
import { Membership } from "./membership/Membership.ts"
import { Packages } from "./package/Packages.ts"
import { WantedPackages } from "./package/WantedPackages.ts"
import { Placement } from "./placement/Placement.ts"
import { forgetRegion } from "./regions/forgetRegion.ts"
import { GlobalStore } from "./regions/GlobalStore.ts"
import { Guests, type HomeProof } from "./regions/Guests.ts"
import { Identities } from "./regions/Identities.ts"
import { leadSharing } from "./regions/leadSharing.ts"
import { RegionDirectory } from "./regions/RegionDirectory.ts"
import { addressesMost, type RegionRecord } from "./regions/RegionRecord.ts"
import { regionViews } from "./regions/regionViews.ts"
import { regionsToAsk } from "./regions/sharing.ts"

export interface AssembleOptions {
  /** Of all keys: `/sonde/REGION/`. */
  readonly prefix: string
  readonly region: string
  readonly version: string
  readonly otherRegions: ReadonlyArray<OtherRegion>
  /** Agents may be guests of other regions, and others here. */
  readonly allowsSpill: boolean
  /** Shared by the servers of the region. */
  readonly secret: string
  /** How to connect to other servers; undefined: plain. */
  readonly clientTls: ClientTls | undefined
  readonly localToken: string
  /** How long an agent that no server has stays known. */
  readonly agentHours: number
  readonly domains: AdminHandlers["Domains"]
  /** Machines and counters of the agents that deliver to this server. */
  readonly machines: () => ReadonlyArray<AgentMachine>
  readonly countersOf: (agent: string) => Readonly<Record<string, number>> | undefined
}

const hourMs = 3_600_000
/** How long a guest that has gone home stays known. */
const guestHours = 1
const balanceEveryMs = 15_000
const cleanEveryMs = 60_000
const elsewhereEveryMs = 5_000

export const assemble = Effect.fnUntraced(function* (options: AssembleOptions) {
  const { prefix } = options
  const audit = yield* Audit
  const authority = yield* RegionAuthority
  const configStore = yield* ConfigStore
  const enrolment = yield* Enrolment
  const revocations = yield* Revocations
  const tokens = yield* Tokens
  const effective = yield* EffectiveConfig
  const groups = yield* AgentGroups
  const reports = yield* AgentReports
  const rollouts = yield* Rollouts
  const coordination = yield* Coordination
  const known = yield* KnownAgents
  const membership = yield* Membership
  const packages = yield* Packages
  const wantedPackages = yield* WantedPackages
  const placement = yield* Placement
  const sessions = yield* AgentSessions
  const stats = yield* StatsSources
  const claims = yield* Claims
  const clock = yield* Clock.Clock
  const directory = yield* RegionDirectory
  const guests = yield* Guests
  const identities = yield* Identities
  const global = yield* GlobalStore
  const bundles = new SupportBundles(sessions)
  const peers = new Peers(membership, options.secret, options.clientTls)
  const self = membership.self().id
  const commit = (transaction: Parameters<ReturnType<typeof fencedCommit>>[0]) =>
    Effect.provideService(fencedCommit(membership, prefix)(transaction), Coordination, coordination)

  const { serverOf } = claims
  const residents = () => known.list().filter(({ guestOf }) => guestOf === undefined)
  const attachedHere = () => sessions.list().map(attachedAgent)
  const supportOf = (agent: string) => {
    const server = serverOf(agent)
    if (server === self) return bundles.ask(agent)
    return server === ""
      ? Effect.fail({ message: `no server has agent ${agent} just now` })
      : peers.ask(server, (client) => client.AgentSupportHere({ id: agent }))
  }

  // What may concern an attached agent: its record, its place, who serves, packages.
  const refreshOf = <A>(
    changes: Stream.Stream<A>,
    agentsOf: (change: A) => ReadonlyArray<string> | undefined,
  ) =>
    Effect.forkScoped(
      supervise("controller/refresh")(
        Stream.runForEach(changes, (change) =>
          Effect.sync(() => {
            const agents = agentsOf(change)
            if (agents === undefined) sessions.refresh()
            else for (const agent of agents) sessions.refresh(agent)
          }),
        ),
      ),
    )
  yield* refreshOf(known.changes, (changes) =>
    changes.map((change) =>
      (change.kind === "put" ? change.entry.key : change.key).slice(`${prefix}agent/`.length),
    ),
  )
  yield* refreshOf(placement.changes, (agents) => agents)
  yield* refreshOf(packages.changes, () => undefined)
  yield* refreshOf(effective.changes, () => undefined)

  // Where agents may go besides changes seldom, and the directory often.
  if (guests !== undefined) {
    const tellElsewhere = Effect.gen(function* () {
      let told = JSON.stringify(guests.elsewhere())
      while (true) {
        yield* Effect.sleep(elsewhereEveryMs)
        const now = JSON.stringify(guests.elsewhere())
        if (now !== told) sessions.refresh()
        told = now
      }
    })
    yield* Effect.forkScoped(supervise("controller/elsewhere")(tellElsewhere))
  }

  // An agent that another server has now: what is left of its session here ends.
  const superseded = Stream.runForEach(claims.changes, (changes) =>
    Effect.sync(() => {
      for (const { agent, server } of changes)
        if (server !== "" && server !== self && sessions.get(agent) !== undefined) sessions.superseded(agent)
    }),
  )
  yield* Effect.forkScoped(supervise("controller/superseded")(superseded))

  const ownRegion = (): RegionRecord => {
    const servers = [...membership.servers().values()]
    return {
      name: options.region,
      control: servers
        .map(({ control }) => control)
        .filter(isNamed)
        .slice(0, addressesMost),
      http: servers
        .map(({ http }) => http)
        .filter(isNamed)
        .slice(0, addressesMost),
      authority: options.clientTls === undefined ? "" : authority.certificate,
      allowsSpill: options.allowsSpill,
      servers: servers.length,
      agents: known.list().length,
      guests: known.list().filter(({ guestOf, id }) => guestOf !== undefined && serverOf(id) !== "").length,
      seenMs: clock.currentTimeMillisUnsafe(),
    }
  }
  if (global !== undefined) {
    /** Queries that only their own machine reaches would be asked of the wrong one elsewhere. */
    const toldToOthers = (): RegionRecord => {
      const record = ownRegion()
      const http = record.http.filter((address) => !isLoopback(parseAddress(address)?.host ?? "127.0.0.1"))
      // Whatever others reach speaks TLS.
      const urls = http.map((address) => `https://${address}`)
      return { ...record, http: urls, httpAuthority: authority.certificate }
    }
    yield* Effect.forkScoped(
      leadSharing({ prefix, region: options.region, membership, global, record: toldToOthers }),
    )
  }

  const rebalance = Effect.gen(function* () {
    const plan = yield* placement.plan
    yield* placement.apply(plan, commit)
    return plan
  })

  /** Leader's work: places of dead and drained servers at once, balance every now and then. */
  const keepBalanced = Effect.gen(function* () {
    while (true) {
      yield* Effect.raceFirst(
        Effect.sleep(balanceEveryMs),
        // A change of servers is answered at once; several come together.
        Effect.andThen(Stream.runDrain(Stream.take(membership.changes, 1)), Effect.sleep(200)),
      )
      const plan = yield* rebalance
      if (plan.moves.length > 0)
        yield* Effect.logInfo(
          `${plan.moves.length} agents were given other servers (${reasonsOf(plan.moves)})`,
        )
    }
  })

  const clean = Effect.gen(function* () {
    while (true) {
      yield* Effect.sleep(cleanEveryMs)
      const nowMs = yield* Clock.currentTimeMillis
      for (const { guestOf, id, lastSeenMs } of known.list()) {
        const hours = guestOf === undefined ? options.agentHours : guestHours
        if (serverOf(id) !== "" || nowMs - lastSeenMs < hours * hourMs) continue
        yield* known.forget(id)
        yield* reports.forget(id)
        yield* Effect.logInfo(`agent ${id} is forgotten: no server had it for ${hours} hours`)
      }
      yield* placement.forgetPlaces(new Set(known.list().map(({ id }) => id)), commit)
      yield* audit.trim
      yield* tokens.trim
      yield* enrolment.trim
      yield* revocations.trim
    }
  })
  for (const [path, work] of [
    ["controller/leader/balance", keepBalanced],
    ["controller/leader/roll-outs", driveRollouts(rollouts, commit)],
    ["controller/leader/clean-up", clean],
  ] as const)
    yield* Effect.forkScoped(whileLeading(membership, path, work))

  const planView = (plan: Effect.Success<typeof placement.plan>) => ({
    ...plan,
    moves: plan.moves.map((move) => ({ ...move, host: known.get(move.agent)?.host ?? "" })),
  })

  const ofServers = serverToken(options.secret)
  const callerOf = (token: string): Effect.Effect<Caller | undefined> =>
    Effect.gen(function* () {
      if (token === options.localToken) return { name: "local", role: "admin" } as const
      if (token === ofServers) return { name: "another server", role: "operator" } as const
      const { id, role } = yield* tokens.admit(token)
      // It enrols agents and administers nothing.
      return role === "agent" ? undefined : { name: `token ${id}`, role }
    }).pipe(
      Effect.catch(({ message }) => Effect.as(Effect.logDebug(`a token was refused: ${message}`), undefined)),
    )

  const away = ({ message }: { readonly message: string }) => adminError("unavailable", message)

  /** Counters of a server or an agent: of this server, or asked of the one that knows. */
  const metricsOf = (of: string): Effect.Effect<Readonly<Record<string, number>>, AdminError> => {
    if (of === self) return Effect.sync(() => stats.snapshot())
    const here = options.countersOf(of)
    if (here !== undefined) return Effect.succeed(here)
    const server = membership.servers().has(of) ? of : serverOf(of)
    if (server !== "" && server !== self)
      return Effect.mapError(
        peers.ask(server, (client) => client.Metrics({ of })),
        away,
      )
    return Effect.fail(
      adminError(
        "not found",
        `there is no server and no attached agent ${of}`,
        "`sonde admin agents list` and `servers list` show all",
      ),
    )
  }

  const revoke = (agent: string, by: string, reason: string) =>
    Effect.andThen(enrolment.forget(agent), revocations.revoke(agent, by, reason))

  const handlers: AdminHandlers = {
    WhoAmI: (_, { name, role }) =>
      Effect.succeed({ name, role, server: self, region: options.region, version: options.version }),
    ...agentCalls({
      records: known.list,
      attached: Effect.map(
        peers.askAll((client) => client.AgentsHere({})),
        (others) => [...attachedHere(), ...others.flat()],
      ),
      attachedHere,
      serverOf,
      groupOf: groups.groupOf,
      placeOf: (agent) => placement.placeOf(agent) ?? "",
      loadOf: placement.loadOf,
      configOf: (record) =>
        record.guestOf === undefined ? effective.of(record) : { values: {}, origins: {} },
      identityOf: (agent) =>
        (identities?.of(agent) ?? Effect.succeed(nobodyKnown)).pipe(
          // What else is known of the agent is shown all the same.
          Effect.catchTag("CoordinationError", () => Effect.succeed(nobodyKnown)),
        ),
      permit: known.permit,
      forget: (agent, by) =>
        Effect.andThen(
          Effect.all([reports.forget(agent), revoke(agent, by, "the agent was deleted")]),
          known.forget(agent),
        ),
      revoke,
      revocations: revocations.list,
      move: placement.move,
      support: supportOf,
      supportHere: (agent) => bundles.ask(agent),
    }),
    ...serverCalls({
      membership,
      loadOf: (server) => ({ agents: claims.countOf(server), load: placement.loadOfServer(server) }),
      plan: Effect.map(placement.plan, planView),
      rebalance: Effect.map(rebalance, planView),
      drain: membership.drain,
      regions: Effect.suspend(() =>
        regionViews(ownRegion(), regionsToAsk(options.otherRegions, directory), directory),
      ),
      forgetRegion: (name) => {
        const told = directory?.get(name)
        if (global === undefined || directory === undefined)
          return Effect.succeed("this region shares nothing with others (cluster.global is not set)")
        if (name === options.region) return Effect.succeed("that is this region")
        if (told !== undefined && !directory.isAway(told))
          return Effect.succeed(`region ${name} is there: stop its servers first`)
        return forgetRegion(global.coordination, name)
      },
    }),
    ...packageCalls(packages, wantedPackages, configStore),
    ...tokenCalls(tokens, authority),
    ...configCalls({
      store: configStore,
      groups,
      rollouts,
      records: residents,
      hasPackage: (name, version) => packages.get(name, version) !== undefined,
    }),
    Domains: options.domains,
    Audit: ({ last }) =>
      Effect.mapError(audit.last(Math.min(last, 10_000)), ({ message }) =>
        adminError("unavailable", message),
      ),
    MachinesHere: () => Effect.sync(options.machines),
    Metrics: ({ of }) => metricsOf(of),
  }
  /** Regions that share know each other's agents; one that shares nothing enrols whoever has a token. */
  const mayEnrol = (request: EnrolmentRequest, guest: HomeProof | undefined, peer: Peer) =>
    Effect.gen(function* () {
      if (guest === undefined || guest.region === options.region) {
        yield* identities?.admit(request, "none") ?? Effect.void
        return yield* enrolment.enrol(request, peer)
      }
      if (guests === undefined) return yield* notNow("this region knows of no others and takes no guests")
      return yield* guests.enrol(request, guest)
    }).pipe(Effect.catchTag("CoordinationError", ({ message }) => Effect.fail(notNow(message))))
  const agentSide: AgentHandlersOptions = {
    sessions,
    enrol: ({ guest, ...request }, peer) => mayEnrol(request, guest, peer),
    readPackage: packages.read,
    answered: (agent, part) => bundles.answered(agent, part),
  }
  const calls = yield* makeAdminCalls({ handlers, callerOf })
  const machinesElsewhere = Effect.map(
    peers.askAll((client) => client.MachinesHere({})),
    (lists) => lists.flat(),
  )
  return { calls, agentSide, machinesElsewhere }
})

const notNow = (message: string) => new AgentRefused({ reason: "unavailable", message, retryAfterMs: 1_000 })

const nobodyKnown = { home: "", conflicts: [] }

const isNamed = (address: string): boolean => address !== ""

const reasonsOf = (moves: ReadonlyArray<{ readonly reason: string }>): string => {
  const counts = new Map<string, number>()
  for (const { reason } of moves) counts.set(reason, (counts.get(reason) ?? 0) + 1)
  return [...counts].map(([reason, count]) => `${reason}: ${count}`).join(", ")
}
