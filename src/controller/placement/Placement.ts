// Which server each agent belongs to: `place/ID` in the store, chosen when an agent comes that has none, or whose server is gone, by
// whichever server it came to; moved by the leader's plans. And what agents cost: each server tells it under `load/ID/N`.

import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import {
  type Condition,
  Coordination,
  type CoordinationError,
  type Lease,
} from "../../runtime/coordination/Coordination.ts"
import { makeMirror } from "../../runtime/coordination/Mirror.ts"
import { exposeStats } from "../../runtime/metrics.ts"
import { supervise } from "../../runtime/supervise.ts"
import { agentKey } from "../agents/AgentRecord.ts"
import { Membership } from "../membership/Membership.ts"
import { Census } from "./Census.ts"
import { costOf } from "./choose.ts"
import { type Change, commitEach, type LeaderCommit } from "./commitEach.ts"
import { LoadBook } from "./LoadBook.ts"
import { type AgentWish, type PlaceRules, refusalOf } from "./order.ts"
import { OwnLoads, textOf } from "./OwnLoads.ts"
import { avoidedBy, avoidMs, decodePlace, encodePlace, type Place, Places } from "./Places.ts"
import { makePlan, type Plan, type PlacedAgent } from "./plan.ts"

export interface PlacementOptions extends PlaceRules {
  /** Of all keys: `/sonde/REGION/`. */
  readonly prefix: string
  /** What is known of an agent that is not attached just now; undefined: there is no such agent. */
  readonly wishOf: (agent: string) => AgentWish | undefined
  readonly tellEveryMs?: number
  /** Moves for balance in one round, and how long an agent stays where it came before it is moved again. */
  readonly movesMost?: number
  readonly restMs?: number
}

const attemptsMost = 8
const defaultMovesMost = 100
const defaultRestMs = 300_000
/** A move by hand is not undone for the balance before. */
const handRestMs = 86_400_000
const avoidMost = 16
const arrivedMost = 10_000
/** The record of an agent that has just come may not be seen yet where its place is. */
const forgetAfterMs = 60_000

export class Placement extends Context.Service<
  Placement,
  {
    /** The server of an agent, chosen if it has none that lives; or why there is none. */
    readonly ensure: (
      agent: AgentWish,
    ) => Effect.Effect<{ readonly server: string } | { readonly nobody: string }, CoordinationError>
    /** As far as this server knows; undefined: none. */
    readonly placeOf: (agent: string) => string | undefined
    /** Rows a second of an agent, and of all that belong to a server. */
    readonly loadOf: (agent: string) => number
    readonly loadOfServer: (server: string) => number
    /** An agent of this server reported how many rows it has delivered since its start. */
    readonly reported: (agent: string, rows: number, nowMs: number) => void
    readonly gone: (agent: string) => void
    /** What would move now. */
    readonly plan: Effect.Effect<Plan>
    /** Moves by a plan; agents that somebody else placed since it was made stay. Gives how many moved. */
    readonly apply: <E>(plan: Plan, commit: LeaderCommit<E>) => Effect.Effect<number, E>
    /** Undefined: done; else why not. */
    readonly move: (agent: string, server: string) => Effect.Effect<string | undefined, CoordinationError>
    /** Takes away places of agents that are not among `known`, nor have a record in the store. Gives how many. */
    readonly forgetPlaces: <E>(
      known: ReadonlySet<string>,
      commit: LeaderCommit<E>,
    ) => Effect.Effect<number, E>
    readonly changes: Stream.Stream<ReadonlyArray<string>>
  }
>()("sonde/controller/Placement") {
  static readonly layer = (
    options: PlacementOptions,
  ): Layer.Layer<Placement, CoordinationError, Coordination | Membership> =>
    Layer.effect(Placement, make(options))
}

const make = (
  options: PlacementOptions,
): Effect.Effect<Placement["Service"], CoordinationError, Coordination | Membership | Scope.Scope> =>
  Effect.gen(function* () {
    const coordination = yield* Coordination
    const membership = yield* Membership
    const clock = yield* Clock.Clock
    const { prefix } = options
    const placePrefix = `${prefix}place/`
    const loadPrefix = `${prefix}load/`
    const counters = {
      placed: 0,
      moved: 0,
      movedByHand: 0,
      contested: 0,
      stale: 0,
      forgotten: 0,
      loadTexts: 0,
    }

    const own = new OwnLoads()
    const book = new LoadBook()
    yield* makeMirror(loadPrefix, (changes) => book.take(changes, clock.currentTimeMillisUnsafe()))
    const loadOf = (agent: string): number => own.of(agent) ?? book.of(agent) ?? 0
    /** What agents said that came here lately: their records may not be seen yet. */
    const arrived = new Map<string, AgentWish>()
    const wishOf = (id: string): AgentWish =>
      options.wishOf(id) ?? arrived.get(id) ?? { id, region: "", zone: "" }

    const census = new Census({
      rules: options,
      wishOf,
      loadOf,
      servers: () => membership.servers().values(),
    })
    const places = new Places(placePrefix, (agent, place) => census.changed(agent, place))
    const copied = new Map<string, Parameters<typeof decodePlace>[0]>()
    const copy = yield* makeMirror(placePrefix, (changes, revision) => {
      for (const change of changes) {
        if (change.kind === "put") copied.set(change.entry.key, change.entry)
        else copied.delete(change.key)
      }
      places.take(changes, revision, (key) => copied.get(key))
    })

    const ensure: Placement["Service"]["ensure"] = (agent) =>
      Effect.gen(function* () {
        const key = placePrefix + agent.id
        const servers = membership.servers()
        const cannotReach = agent.avoid ?? []
        const isUsable = (server: string) => membership.servers().has(server) && !cannotReach.includes(server)
        const known = places.get(agent.id)
        // Before an agent is sent elsewhere the store is asked: the copy of places may be old.
        if (known?.server === membership.self().id && isUsable(known.server)) return { server: known.server }
        for (let attempt = 0; attempt < attemptsMost; attempt++) {
          const entry = yield* coordination.get(key)
          const stored = decodePlace(entry)
          if (entry !== undefined && stored !== undefined && isUsable(stored.server)) {
            places.wrote(agent.id, stored, entry.modified, copy.revision())
            return { server: stored.server }
          }
          const nowMs = yield* Clock.currentTimeMillis
          const avoid = [...new Set([...cannotReach, ...avoidedBy(stored, nowMs)])]
            .filter((server) => servers.has(server))
            .slice(0, avoidMost)
          const chosen = census.choose({ ...agent, avoid }, places, nowMs)
          if (typeof chosen === "string") return { nobody: chosen }
          // It cannot reach it, but there is no other.
          if (stored?.server === chosen.id) return { server: chosen.id }
          const place: Place = {
            server: chosen.id,
            sinceMs: nowMs,
            ...(avoid.length === 0
              ? {}
              : { avoid: avoid.map((server) => [server, nowMs + avoidMs] as const) }),
          }
          const { isDone, revision } = yield* coordination.commit({
            when: [entry === undefined ? { key, is: "absent" } : { key, is: "modified", at: entry.modified }],
            writes: [{ put: key, value: encodePlace(place) }],
          })
          if (isDone) {
            counters.placed++
            arrived.set(agent.id, { id: agent.id, region: agent.region, zone: agent.zone })
            if (arrived.size > arrivedMost) arrived.delete(arrived.keys().next().value!)
            places.wrote(agent.id, place, revision, copy.revision())
            return { server: chosen.id }
          }
          counters.contested++
        }
        return { nobody: "several servers place this agent at the same time" }
      })

    const move: Placement["Service"]["move"] = (agent, server) =>
      Effect.gen(function* () {
        const wish = options.wishOf(agent)
        if (wish === undefined) return `there is no agent ${agent}`
        const record = membership.servers().get(server)
        if (record === undefined) return `there is no living server ${server}`
        const refusal = refusalOf(wish, record, options)
        if (refusal !== undefined) return refusal
        const key = placePrefix + agent
        for (let attempt = 0; attempt < attemptsMost; attempt++) {
          const entry = yield* coordination.get(key)
          const place: Place = { server, sinceMs: yield* Clock.currentTimeMillis, isByHand: true }
          const when: Condition =
            entry === undefined ? { key, is: "absent" } : { key, is: "modified", at: entry.modified }
          const { isDone, revision } = yield* coordination.commit({
            when: [when],
            writes: [{ put: key, value: encodePlace(place) }],
          })
          if (!isDone) continue
          counters.movedByHand++
          places.wrote(agent, place, revision, copy.revision())
          return undefined
        }
        return `agent ${agent} is being placed by others at the same time, try again`
      })

    const placedAgents = (nowMs: number): ReadonlyArray<PlacedAgent> =>
      [...places.entries()].map(([agent, place]) => ({
        ...wishOf(agent),
        load: costOf(loadOf(agent)),
        server: place.server,
        sinceMs: place.sinceMs,
        isByHand: place.isByHand ?? false,
        avoid: avoidedBy(place, nowMs),
        revision: place.revision,
      }))

    let filling: ReadonlyArray<string> = []
    const plan = Effect.gen(function* () {
      const nowMs = yield* Clock.currentTimeMillis
      const made = makePlan(placedAgents(nowMs), [...membership.servers().values()], {
        region: options.region,
        allowSpill: options.allowSpill,
        movesMost: options.movesMost ?? defaultMovesMost,
        restMs: options.restMs ?? defaultRestMs,
        handRestMs,
        filling,
        nowMs,
      })
      filling = made.filling
      return made
    })

    const apply: Placement["Service"]["apply"] = ({ moves }, commit) =>
      Effect.gen(function* () {
        const nowMs = yield* Clock.currentTimeMillis
        const servers = membership.servers()
        const changes: Array<Change> = []
        for (const { agent, from, revision, to } of moves) {
          const place = places.get(agent)
          if (place?.server !== from || place.revision !== revision || !servers.has(to)) continue
          const key = placePrefix + agent
          const avoid = (place.avoid ?? []).filter(([, untilMs]) => untilMs > nowMs)
          const next: Place = { server: to, sinceMs: nowMs, ...(avoid.length === 0 ? {} : { avoid }) }
          changes.push({
            when: [{ key, is: "modified", at: revision }],
            write: { put: key, value: encodePlace(next) },
          })
        }
        const moved = yield* commitEach(changes, commit)
        counters.moved += moved
        counters.stale += moves.length - moved
        return moved
      })

    const forgetPlaces: Placement["Service"]["forgetPlaces"] = (known, commit) =>
      Effect.gen(function* () {
        const nowMs = yield* Clock.currentTimeMillis
        const changes: Array<Change> = []
        for (const [agent, { revision, sinceMs }] of places.entries()) {
          if (known.has(agent) || nowMs - sinceMs < forgetAfterMs) continue
          const key = placePrefix + agent
          changes.push({
            when: [
              { key, is: "modified", at: revision },
              { key: prefix + agentKey(agent), is: "absent" },
            ],
            write: { remove: key },
          })
        }
        const forgotten = yield* commitEach(changes, commit)
        counters.forgotten += forgotten
        return forgotten
      })

    const tell = Effect.gen(function* () {
      let under: Lease | undefined
      while (true) {
        yield* Effect.sleep(options.tellEveryMs ?? 10_000)
        const nowMs = yield* Clock.currentTimeMillis
        book.prune(nowMs)
        const lease = membership.lease()
        if (lease === undefined) continue
        if (lease !== under) own.lost()
        under = lease
        for (const text of own.due(nowMs)) {
          const key = `${loadPrefix}${membership.self().id}/${text.number}`
          yield* coordination.commit({
            writes: [
              text.loads === undefined ? { remove: key } : { put: key, value: textOf(text.loads), lease },
            ],
          })
          own.wrote(text, nowMs)
          counters.loadTexts++
        }
      }
    })
    yield* Effect.forkScoped(supervise("controller/loads")(tell))
    yield* exposeStats("controller_placement", () => ({
      agents: places.size,
      remembered_loads: book.size,
      placed_total: counters.placed,
      moved_total: counters.moved,
      moved_by_hand_total: counters.movedByHand,
      contested_total: counters.contested,
      stale_moves_total: counters.stale,
      forgotten_total: counters.forgotten,
      load_texts_total: counters.loadTexts,
      loads_dropped_total: own.dropped + book.dropped,
      malformed_total: places.malformed + book.malformed,
      counts_total: census.made,
    }))

    return {
      ensure,
      placeOf: (agent) => places.get(agent)?.server,
      loadOf,
      loadOfServer: (server) => {
        let sum = 0
        for (const agent of places.at(server)) sum += loadOf(agent)
        return sum
      },
      reported: (agent, rows, nowMs) => own.reported(agent, rows, nowMs, () => book.of(agent)),
      gone: (agent) => {
        const load = own.of(agent)
        if (load !== undefined) book.note(agent, load, clock.currentTimeMillisUnsafe())
        own.gone(agent)
      },
      plan,
      apply,
      move,
      forgetPlaces,
      changes: Stream.map(copy.changes, (changes) =>
        changes.map((change) =>
          (change.kind === "put" ? change.entry.key : change.key).slice(placePrefix.length),
        ),
      ),
    }
  })
