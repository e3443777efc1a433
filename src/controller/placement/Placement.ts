// Which server each agent belongs to: `place/ID` in the store, chosen when an agent comes that has none, or whose server is gone, by
// whichever server it came to; moved by the leader's plans. And what agents cost: each server tells it under `load/ID`.

import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import {
  type Condition,
  Coordination,
  type CoordinationError,
  writesMost,
  type Write,
} from "../../runtime/coordination/Coordination.ts"
import { makeMirror } from "../../runtime/coordination/Mirror.ts"
import { supervise } from "../../runtime/supervise.ts"
import { exposeStats } from "../../runtime/metrics.ts"
import { Membership } from "../membership/Membership.ts"
import { AgentLoad } from "./AgentLoad.ts"
import { type AgentWish, allowedFor, type PlaceRules } from "./order.ts"
import { choose, costOf, Loads, makePlan, type Plan, type PlacedAgent } from "./plan.ts"

const Place = Schema.Struct({ server: Schema.String, sinceMs: Schema.Number })
type Place = typeof Place.Type
const decodePlace = Schema.decodeUnknownOption(Schema.fromJsonString(Place))

const LoadText = Schema.Record(Schema.String, Schema.Number)
const decodeLoad = Schema.decodeUnknownOption(Schema.fromJsonString(LoadText))

export interface PlacementOptions extends PlaceRules {
  /** Of all keys: `/sonde/REGION/`. */
  readonly prefix: string
  /** What is known of an agent that is not attached just now. */
  readonly wishOf: (agent: string) => AgentWish
  readonly tellEveryMs?: number
  /** Moves for balance in one round, and how long an agent stays where it came before it is moved again. */
  readonly movesMost?: number
  readonly restMs?: number
}

/** A transaction with the leader's fence added; false: a condition did not hold. */
export type LeaderCommit<E> = (transaction: {
  readonly when: ReadonlyArray<Condition>
  readonly writes: ReadonlyArray<Write>
}) => Effect.Effect<boolean, E>

const attemptsMost = 8

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
    /** Moves by a plan; agents that somebody else placed meanwhile stay. Gives how many moved. */
    readonly apply: <E>(plan: Plan, commit: LeaderCommit<E>) => Effect.Effect<number, E | CoordinationError>
    /** Undefined: done; else why not. */
    readonly move: (agent: string, server: string) => Effect.Effect<string | undefined, CoordinationError>
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
    const { prefix } = options
    const placePrefix = `${prefix}place/`
    const loadPrefix = `${prefix}load/`
    const places = yield* makeMirror(placePrefix)
    const told = yield* makeMirror(loadPrefix)
    const own = new Map<string, AgentLoad>()
    /** Places that this server wrote and the copy does not show yet. */
    const ahead = new Map<string, { readonly revision: number; readonly server: string }>()
    const counters = { placed: 0, moved: 0, contested: 0 }

    const placeOf = (agent: string): Place | undefined => {
      const recent = ahead.get(agent)
      if (recent !== undefined) {
        if (places.revision() < recent.revision) return { server: recent.server, sinceMs: 0 }
        ahead.delete(agent)
      }
      const entry = places.get(placePrefix + agent)
      return entry === undefined ? undefined : Option.getOrUndefined(decodePlace(entry.value))
    }

    /** Rows a second by agent, as all servers told last; made anew when one of them has. */
    let loadsAt = -1
    let loads: ReadonlyMap<string, number> = new Map()
    const allLoads = (): ReadonlyMap<string, number> => {
      if (loadsAt === told.revision()) return loads
      const all = new Map<string, number>()
      for (const { value } of told.entries().values()) {
        const text = Option.getOrUndefined(decodeLoad(value))
        if (text !== undefined) for (const [agent, load] of Object.entries(text)) all.set(agent, load)
      }
      loads = all
      loadsAt = told.revision()
      return all
    }
    const loadOf = (agent: string): number => own.get(agent)?.rowsPerSecond ?? allLoads().get(agent) ?? 0

    const agents = (): ReadonlyArray<PlacedAgent> =>
      [...places.entries().values()].flatMap(({ key, value }) => {
        const place = Option.getOrUndefined(decodePlace(value))
        if (place === undefined) return []
        const id = key.slice(placePrefix.length)
        return [
          { ...options.wishOf(id), load: costOf(loadOf(id)), server: place.server, sinceMs: place.sinceMs },
        ]
      })

    /** Loads by server, for choosing: kept while places and loads do not change, and counted on by own choices. */
    let sums = new Loads()
    let sumsAt = ""
    const currentSums = (): Loads => {
      const at = `${places.revision()}/${told.revision()}/${ahead.size}`
      if (at !== sumsAt) {
        sums = new Loads()
        for (const { key, value } of places.entries().values()) {
          const place = Option.getOrUndefined(decodePlace(value))
          const agent = key.slice(placePrefix.length)
          if (place !== undefined && !ahead.has(agent)) sums.add(place.server, costOf(loadOf(agent)))
        }
        for (const [agent, { revision, server }] of ahead) {
          if (places.revision() >= revision) ahead.delete(agent)
          sums.add(server, costOf(loadOf(agent)))
        }
        sumsAt = at
      }
      return sums
    }

    const lives = (server: string): boolean => membership.servers().has(server)

    const ensure: Placement["Service"]["ensure"] = (agent) =>
      Effect.gen(function* () {
        const key = placePrefix + agent.id
        for (let attempt = 0; attempt < attemptsMost; attempt++) {
          const known = attempt === 0 ? placeOf(agent.id) : undefined
          const isUsable = (server: string) => lives(server) && !(agent.avoid ?? []).includes(server)
          if (known !== undefined && isUsable(known.server)) return { server: known.server }
          const entry = yield* coordination.get(key)
          const stored = entry === undefined ? undefined : Option.getOrUndefined(decodePlace(entry.value))
          if (stored !== undefined && isUsable(stored.server)) return { server: stored.server }
          const servers = [...membership.servers().values()]
          const chosen = choose(agent, costOf(loadOf(agent.id)), servers, currentSums(), options)
          if (typeof chosen === "string") return { nobody: chosen }
          const nowMs = yield* Clock.currentTimeMillis
          const { isDone, revision } = yield* coordination.commit({
            when: [entry === undefined ? { key, is: "absent" } : { key, is: "modified", at: entry.modified }],
            writes: [
              { put: key, value: JSON.stringify({ server: chosen.id, sinceMs: nowMs } satisfies Place) },
            ],
          })
          if (isDone) {
            counters.placed++
            ahead.set(agent.id, { revision, server: chosen.id })
            return { server: chosen.id }
          }
          counters.contested++
        }
        return { nobody: "several servers place this agent at the same time" }
      })

    const tell = Effect.gen(function* () {
      while (true) {
        yield* Effect.sleep(options.tellEveryMs ?? 10_000)
        const lease = membership.lease()
        if (lease === undefined) continue
        const text = Object.fromEntries(
          [...own].map(([agent, load]) => [agent, Math.round(load.rowsPerSecond * 10) / 10]),
        )
        const key = loadPrefix + membership.self().id
        const value = JSON.stringify(text)
        if (told.get(key)?.value === value) continue
        yield* coordination.commit({ writes: [{ put: key, value, lease }] })
      }
    })
    yield* Effect.forkScoped(supervise("controller/loads")(tell))
    yield* exposeStats("controller_placement", () => ({
      agents: places.entries().size,
      ...Object.fromEntries(Object.entries(counters).map(([name, value]) => [`${name}_total`, value])),
    }))

    return {
      ensure,
      placeOf: (agent) => placeOf(agent)?.server,
      loadOf,
      loadOfServer: (server) => {
        let sum = 0
        for (const { key, value } of places.entries().values()) {
          if (Option.getOrUndefined(decodePlace(value))?.server === server)
            sum += loadOf(key.slice(placePrefix.length))
        }
        return sum
      },
      reported: (agent, rows, nowMs) => {
        let load = own.get(agent)
        if (load === undefined) {
          load = new AgentLoad()
          const inherited = allLoads().get(agent)
          if (inherited !== undefined) load.inherit(inherited)
          own.set(agent, load)
        }
        load.tell(rows, nowMs)
      },
      gone: (agent) => void own.delete(agent),
      plan: Effect.gen(function* () {
        const nowMs = yield* Clock.currentTimeMillis
        return makePlan(agents(), [...membership.servers().values()], {
          region: options.region,
          allowSpill: options.allowSpill,
          movesMost: options.movesMost ?? 500,
          restMs: options.restMs ?? 300_000,
          nowMs,
        })
      }),
      apply: (plan, commit) =>
        Effect.gen(function* () {
          const nowMs = yield* Clock.currentTimeMillis
          let moved = 0
          // One agent a condition: as many as a transaction takes, with room for the fence.
          const step = writesMost - 2
          for (let from = 0; from < plan.moves.length; from += step) {
            const when: Array<Condition> = []
            const writes: Array<Write> = []
            for (const move of plan.moves.slice(from, from + step)) {
              const key = placePrefix + move.agent
              const entry = places.get(key)
              if (
                entry === undefined ||
                Option.getOrUndefined(decodePlace(entry.value))?.server !== move.from
              )
                continue
              when.push({ key, is: "modified", at: entry.modified })
              writes.push({
                put: key,
                value: JSON.stringify({ server: move.to, sinceMs: nowMs } satisfies Place),
              })
            }
            if (writes.length > 0 && (yield* commit({ when, writes }))) moved += writes.length
          }
          counters.moved += moved
          return moved
        }),
      move: (agent, server) =>
        Effect.gen(function* () {
          const record = membership.servers().get(server)
          if (record === undefined) return `there is no living server ${server}`
          const allowed = allowedFor({ ...options.wishOf(agent), zone: "" }, [record], options)
          if (typeof allowed === "string") return allowed
          const nowMs = yield* Clock.currentTimeMillis
          yield* coordination.commit({
            writes: [
              { put: placePrefix + agent, value: JSON.stringify({ server, sinceMs: nowMs } satisfies Place) },
            ],
          })
          return undefined
        }),
      changes: Stream.map(places.changes, (changes) =>
        changes.map((change) =>
          (change.kind === "put" ? change.entry.key : change.key).slice(placePrefix.length),
        ),
      ),
    }
  })
