// This server among the servers of its region: one lease, renewed for as long as the process is well; under it the server's record and
// its candidacy for leadership. A lease that was lost is replaced, and what stood under it is written again.

import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as PubSub from "effect/PubSub"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import {
  Coordination,
  type CoordinationError,
  type Lease,
  type Revision,
} from "../../runtime/coordination/Coordination.ts"
import { makeMirror } from "../../runtime/coordination/Mirror.ts"
import { exposeStats } from "../../runtime/metrics.ts"
import { supervise } from "../../runtime/supervise.ts"

export const ServerRecord = Schema.Struct({
  id: Schema.String,
  /** `host:port` as others reach it; empty: it has none. */
  control: Schema.String,
  ingest: Schema.String,
  http: Schema.String,
  admin: Schema.String,
  roles: Schema.Array(Schema.String),
  region: Schema.String,
  zone: Schema.String,
  /** Zones whose agents it takes; empty: all. */
  servesZones: Schema.Array(Schema.String),
  capacity: Schema.Number,
  version: Schema.String,
  startedMs: Schema.Number,
  isDraining: Schema.Boolean,
})
export type ServerRecord = typeof ServerRecord.Type

const decodeServer = Schema.decodeUnknownOption(Schema.fromJsonString(ServerRecord))

export interface Leadership {
  /** Empty: nobody leads. */
  readonly leader: string
  readonly isMine: boolean
  /** Create revision of the leader's key: what its writes are fenced by. */
  readonly fence: Revision
}

export interface MembershipOptions {
  /** Of all keys: `/sonde/REGION/`. */
  readonly prefix: string
  readonly self: ServerRecord
  readonly leaseMs: number
  /** May this server lead? */
  readonly isCandidate: boolean
}

export class Membership extends Context.Service<
  Membership,
  {
    readonly self: () => ServerRecord
    /** Changes this server's record, once its ports are known. */
    readonly announce: (changes: Partial<ServerRecord>) => Effect.Effect<void, CoordinationError>
    /** Living servers by id, this one included. */
    readonly servers: () => ReadonlyMap<string, ServerRecord>
    /** Undefined: none is held just now. */
    readonly lease: () => Lease | undefined
    readonly leadership: () => Leadership
    /** One element whenever servers or leadership may have changed. */
    readonly changes: Stream.Stream<void>
    /** Holds until it is taken back, also over restarts of that server. */
    readonly drain: (server: string, isDraining: boolean) => Effect.Effect<void, CoordinationError>
  }
>()("sonde/controller/Membership") {
  static readonly layer = (
    options: MembershipOptions,
  ): Layer.Layer<Membership, CoordinationError, Coordination> => Layer.effect(Membership, make(options))
}

const retryMs = 300

const make = (
  options: MembershipOptions,
): Effect.Effect<Membership["Service"], CoordinationError, Coordination | Scope.Scope> =>
  Effect.gen(function* () {
    const coordination = yield* Coordination
    const { prefix } = options
    const serverKey = `${prefix}server/${options.self.id}`
    const leaderKey = `${prefix}leader/${options.self.id}`
    const servers = yield* makeMirror(`${prefix}server/`)
    const leaders = yield* makeMirror(`${prefix}leader/`)
    const drains = yield* makeMirror(`${prefix}drain/`)
    const pubsub = yield* PubSub.sliding<void>(16)
    const counters = { leases: 0, leasesLost: 0 }
    let { self } = options
    let held: Lease | undefined
    /** Create revision of this server's candidacy under the lease that is held; 0: none. */
    let candidacy: Revision = 0
    const clock = yield* Clock.Clock
    const nowMs = () => Number(clock.monotonicTimeNanosUnsafe()) / 1e6
    const tell = () => void PubSub.publishUnsafe(pubsub, undefined)

    const lease = (): Lease | undefined =>
      held !== undefined && nowMs() < held.heldUntilMs() ? held : undefined

    const decoded = new Map<string, { readonly modified: Revision; readonly record: ServerRecord }>()
    const living = (): ReadonlyMap<string, ServerRecord> => {
      const all = new Map<string, ServerRecord>()
      for (const entry of servers.entries().values()) {
        let known = decoded.get(entry.key)
        if (known?.modified !== entry.modified) {
          const record = Option.getOrUndefined(decodeServer(entry.value))
          if (record === undefined) continue
          known = { modified: entry.modified, record }
          decoded.set(entry.key, known)
        }
        const { record } = known
        const isDraining = drains.get(`${prefix}drain/${record.id}`) !== undefined
        all.set(record.id, isDraining ? { ...record, isDraining } : record)
      }
      return all
    }

    const leadership = (): Leadership => {
      let first: { readonly key: string; readonly created: Revision } | undefined
      for (const entry of leaders.entries().values()) {
        if (first === undefined || entry.created < first.created) first = entry
      }
      if (first === undefined) return { leader: "", isMine: false, fence: 0 }
      const leader = first.key.slice(`${prefix}leader/`.length)
      return {
        leader,
        fence: first.created,
        isMine: first.key === leaderKey && first.created === candidacy && lease() !== undefined,
      }
    }

    const record = (write: Lease) => ({ put: serverKey, value: JSON.stringify(self), lease: write })

    /** One lease, from its grant to its end. */
    const member = Effect.gen(function* () {
      const granted = yield* coordination.lease(options.leaseMs)
      counters.leases++
      // A key of an earlier life of this server id may still be there, under a lease that nobody renews: it goes first, so that
      // the candidacy is a new one, behind those of others.
      yield* coordination.commit({ writes: [{ remove: leaderKey }] })
      const { revision } = yield* coordination.commit({
        writes: [
          record(granted),
          ...(options.isCandidate ? [{ put: leaderKey, value: "{}", lease: granted }] : []),
        ],
      })
      candidacy = options.isCandidate ? revision : 0
      held = granted
      tell()
      yield* granted.lost
      counters.leasesLost++
    }).pipe(
      Effect.scoped,
      Effect.ensuring(
        Effect.sync(() => {
          held = undefined
          candidacy = 0
          tell()
        }),
      ),
    )

    const stay = Effect.gen(function* () {
      while (true) {
        yield* Effect.catchTag(member, "CoordinationError", ({ message }) =>
          Effect.andThen(
            Effect.logWarning(`this server is not a member just now: ${message}`),
            Effect.sleep(retryMs),
          ),
        )
      }
    })
    const seen = Stream.mergeAll([servers.changes, leaders.changes, drains.changes], { concurrency: 3 })
    const follow = Stream.runForEach(seen, () => Effect.sync(tell))
    yield* Effect.forkScoped(supervise("controller/membership")(Effect.asVoid(follow)))
    yield* Effect.forkScoped(supervise("controller/lease")(stay))
    // Others can be told of this server once it sees itself among the servers.
    const isSeen = Effect.gen(function* () {
      while (!living().has(self.id)) yield* Effect.sleep(10)
    })
    yield* Effect.timeoutOption(isSeen, "5 seconds")
    yield* exposeStats("controller_membership", () => ({
      servers: living().size,
      is_leader: leadership().isMine ? 1 : 0,
      leases_total: counters.leases,
      leases_lost_total: counters.leasesLost,
    }))

    return {
      self: () => self,
      announce: (changes) =>
        Effect.gen(function* () {
          self = { ...self, ...changes }
          const current = lease()
          // Without a lease it is written with the next.
          if (current !== undefined) yield* coordination.commit({ writes: [record(current)] })
        }),
      servers: living,
      lease,
      leadership,
      changes: Stream.fromPubSub(pubsub),
      drain: (server: string, isDraining: boolean) => {
        const key = `${prefix}drain/${server}`
        return Effect.asVoid(
          coordination.commit({ writes: [isDraining ? { put: key, value: "{}" } : { remove: key }] }),
        )
      },
    }
  })
