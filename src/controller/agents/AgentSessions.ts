// The agents attached to this server: an actor each, in a fiber that is supervised, found by the agent's id. Claims and releases
// them in the store; whoever was told that an agent is elsewhere asks there.

import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as FiberMap from "effect/FiberMap"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import { exposeStats } from "../../runtime/metrics.ts"
import type { Peer } from "../../runtime/rpc/Peer.ts"
import { supervise } from "../../runtime/supervise.ts"
import {
  Coordination,
  type CoordinationError,
  type Entry,
  type Lease,
} from "../../runtime/coordination/Coordination.ts"
import {
  type AgentHello,
  AgentRefused,
  controlProtocol,
  type Directive,
  type Report,
  type ServerAddress,
} from "../../wire/control/AgentRpc.ts"
import { Guests } from "../regions/Guests.ts"
import { Identities } from "../regions/Identities.ts"
import { AgentSession, type SessionClaim, type SessionSurroundings } from "./AgentSession.ts"
import { claimAgain, claimAgent, releaseAgent } from "./claim.ts"
import { KnownAgents } from "./KnownAgents.ts"

export interface AgentSessionsOptions {
  /** Of all keys: `/sonde/REGION/`. */
  readonly prefix: string
  readonly self: ServerAddress
  /** This server's lease; another one after it was lost. Undefined: none now, so no agent can be claimed. */
  readonly lease: () => Lease | undefined
  /** Who has an agent now, as this server's copy shows. */
  readonly claimOf: (agent: string) => Entry | undefined
  /** The server an agent belongs to, chosen if there was none. */
  readonly placeOf: (
    hello: AgentHello,
  ) => Effect.Effect<{ readonly server: ServerAddress } | { readonly nobody: string }, CoordinationError>
  readonly reported: (agent: string, report: Report, nowMs: number) => void
  /** An agent is no longer here. */
  readonly gone: (agent: string) => void
  readonly surroundings: Omit<SessionSurroundings, "self" | "permission" | "reported">
}

/** How often it is looked whether claims stand under the lease that is held. */
const lookMs = 250
const claimsAtOnce = 32

const newer = (one: SessionClaim, other: SessionClaim): SessionClaim =>
  one.revision > other.revision ? one : other

const unavailable = (message: string) =>
  new AgentRefused({ reason: "unavailable", message, retryAfterMs: 1_000 })

export class AgentSessions extends Context.Service<
  AgentSessions,
  {
    /** The agent's session, as long as the stream is read. That the peer may speak for it was seen to at the door (`agentHandlers`). */
    readonly attach: (hello: AgentHello, peer: Peer) => Stream.Stream<Directive, AgentRefused>
    readonly report: (agent: string, report: Report) => Effect.Effect<void, AgentRefused>
    readonly get: (agent: string) => AgentSession | undefined
    readonly list: () => ReadonlyArray<AgentSession>
    /** Has an actor look again at what concerns its agent; all of them without an id. */
    readonly refresh: (agent?: string) => void
    /** False: the agent is not here. */
    readonly ask: (agent: string, id: string) => boolean
    /** Ends sessions of agents that others have taken. */
    readonly superseded: (agent: string) => void
    readonly stats: () => Record<string, number>
  }
>()("sonde/controller/AgentSessions") {
  static readonly layer = (
    options: AgentSessionsOptions,
  ): Layer.Layer<AgentSessions, never, Coordination | KnownAgents> =>
    Layer.effect(AgentSessions, make(options))
}

const make = (options: AgentSessionsOptions) =>
  Effect.gen(function* () {
    const coordination = yield* Coordination
    const known = yield* KnownAgents
    const guests = yield* Guests
    const identities = yield* Identities
    const fibers = yield* FiberMap.make<string>()
    const sessions = new Map<string, AgentSession>()
    const counters = {
      attached: 0,
      moved: 0,
      refused: 0,
      superseded: 0,
      reports: 0,
      restarted: 0,
      reclaimed: 0,
    }

    const surroundings: SessionSurroundings = {
      ...options.surroundings,
      self: options.self,
      permission: (agent) => known.get(agent)?.permission ?? "allowed",
      reported: (agent, report, nowMs) => {
        counters.reports++
        options.reported(agent, report, nowMs)
      },
    }

    const check = (hello: AgentHello): AgentRefused | undefined => {
      if (hello.protocol < 1 || hello.protocol > controlProtocol + 16) {
        return new AgentRefused({
          reason: "protocol",
          message: `control protocol ${hello.protocol} is not spoken here, but 1 to ${controlProtocol}: update the older of agent and server`,
          retryAfterMs: 60_000,
        })
      }
      return undefined
    }

    const release = ({ claim, hello }: AgentSession) =>
      Effect.ignore(releaseAgent(options.prefix, hello.agent, claim.revision))

    /** A session that outlived the lease which its claim stood under gets another claim; the agent notices nothing. */
    const keepClaim = Effect.fnUntraced(function* (session: AgentSession, lease: Lease) {
      const { hello } = session
      if (sessions.get(hello.agent) !== session) return
      const revision = yield* claimAgain(options.prefix, options.self.id, lease, hello)
      if (revision === undefined) {
        counters.superseded++
        return session.end("superseded", "another server has this agent now", 100)
      }
      counters.reclaimed++
      session.claim = { revision, lease: lease.id }
      const now = sessions.get(hello.agent)
      if (now === undefined) yield* release(session)
      else now.claim = newer(now.claim, session.claim)
    })

    const keepClaims = Effect.gen(function* () {
      while (true) {
        yield* Effect.sleep(lookMs)
        const lease = options.lease()
        if (lease === undefined) continue
        const left = [...sessions.values()].filter(({ claim }) => claim.lease !== lease.id)
        if (left.length === 0) continue
        const before = counters.reclaimed
        // What fails now is tried with the next look.
        yield* Effect.forEach(left, (session) => Effect.ignore(keepClaim(session, lease)), {
          concurrency: claimsAtOnce,
          discard: true,
        })
        const again = counters.reclaimed - before
        if (again > 0) yield* Effect.logInfo(`${again} agents were claimed again, under a new lease`)
      }
    })

    /** Runs until the stream's scope closes; a failure of the actor itself begins it anew. */
    const start = (session: AgentSession) =>
      FiberMap.run(
        fibers,
        session.hello.agent,
        supervise("controller/agents")(
          session.run(surroundings).pipe(
            Effect.catchTag("AgentRefused", (refusal) => {
              session.end(refusal.reason, refusal.message, refusal.retryAfterMs)
              return Effect.void
            }),
          ),
        ),
      )

    const mayBeHere = (hello: AgentHello, { isTls }: Peer) =>
      Effect.gen(function* () {
        if (hello.guestOf === undefined)
          return yield* identities?.admit(hello, isTls ? "certificate" : "plain") ?? Effect.void
        if (guests === undefined)
          return yield* unavailable("this region knows of no others and takes no guests (cluster.global)")
        yield* guests.admit(hello, hello.guestOf)
      })

    const open = Effect.fnUntraced(function* (said: AgentHello, peer: Peer) {
      const { guestOf, ...rest } = said
      // Its own region is nowhere a guest's.
      const hello: AgentHello = guestOf === undefined || guestOf === guests?.region ? rest : said
      const wrong = check(hello)
      if (wrong !== undefined) return yield* wrong
      // What it knows of places may be old: it sends nobody elsewhere.
      const lease = options.lease()
      if (lease === undefined) return yield* unavailable("this server has lost its lease and takes a new one")
      yield* mayBeHere(hello, peer)
      const place = yield* options.placeOf(hello)
      if ("nobody" in place) return yield* unavailable(`no server takes this agent: ${place.nobody}`)
      if (place.server.id !== options.self.id) {
        counters.moved++
        return Stream.make<[Directive]>({ _tag: "Move", server: place.server, reason: "belongs there" })
      }
      // One transaction for what most agents need, by what this server's copies know; when they are behind, step by step.
      const nowMs = yield* Clock.currentTimeMillis
      const found = options.claimOf(hello.agent)
      const news = known.news(hello, nowMs)
      const claim = yield* claimAgent(options.prefix, options.self.id, lease, hello, { found, news })
      if (!claim.isNoted) yield* known.saw(hello)
      const { revision } = claim
      const session = yield* AgentSession.make(hello, peer.remote, { revision, lease: lease.id })
      yield* Effect.acquireRelease(
        Effect.gen(function* () {
          const before = sessions.get(hello.agent)
          if (before !== undefined) {
            before.end("superseded", "the agent attached again")
            session.claim = newer(session.claim, before.claim)
          }
          sessions.set(hello.agent, session)
          counters.attached++
          return yield* start(session)
        }),
        (fiber) =>
          Effect.gen(function* () {
            yield* Fiber.interrupt(fiber)
            // Otherwise the claim is that of the session that came after this one.
            if (sessions.get(hello.agent) !== session) return
            sessions.delete(hello.agent)
            options.gone(hello.agent)
            yield* release(session)
          }),
      )
      yield* Effect.logInfo(`agent ${hello.agent} on ${hello.host} attached from ${peer.remote}`)
      return Stream.fromQueue(session.directives)
    })

    const stats = () => ({
      agents: sessions.size,
      ...Object.fromEntries(Object.entries(counters).map(([name, value]) => [`${name}_total`, value])),
    })
    yield* exposeStats("controller", stats)

    const refresh = (agent?: string): void => {
      if (agent !== undefined) sessions.get(agent)?.tell({ kind: "refresh" })
      else for (const session of sessions.values()) session.tell({ kind: "refresh" })
    }

    // A record of a connected agent is renewed, so that it does not look forgotten.
    const keepSeen = Effect.gen(function* () {
      while (true) {
        yield* Effect.sleep("1 minute")
        for (const session of [...sessions.values()]) {
          yield* known.saw(session.hello)
          yield* Effect.yieldNow
        }
      }
    })
    yield* Effect.forkScoped(supervise("controller/seen")(keepSeen))
    yield* Effect.forkScoped(supervise("controller/claims")(keepClaims))

    return {
      attach: (hello: AgentHello, peer: Peer) =>
        Stream.unwrap(
          open(hello, peer).pipe(
            Effect.provideService(Coordination, coordination),
            Effect.catchTag("CoordinationError", ({ message }) => Effect.fail(unavailable(message))),
            Effect.tapError(() => Effect.sync(() => void counters.refused++)),
          ),
        ),
      report: (agent: string, report: Report) =>
        Effect.suspend(() => {
          const session = sessions.get(agent)
          if (session === undefined) {
            return Effect.fail(
              new AgentRefused({ reason: "not attached", message: "attach first", retryAfterMs: 100 }),
            )
          }
          if (session.tell({ kind: "report", report })) return Effect.void
          session.end("flood", "the agent reports faster than it is read", 5_000)
          return Effect.fail(
            new AgentRefused({ reason: "flood", message: "too many reports", retryAfterMs: 5_000 }),
          )
        }),
      get: (agent: string) => sessions.get(agent),
      list: () => [...sessions.values()],
      refresh,
      ask: (agent: string, id: string) => sessions.get(agent)?.tell({ kind: "ask", id }) ?? false,
      superseded: (agent: string) => {
        counters.superseded++
        sessions.get(agent)?.end("superseded", "another server has this agent now", 100)
      },
      stats,
    }
  })
