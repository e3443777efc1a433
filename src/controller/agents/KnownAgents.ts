// All agents of the region, connected or not: a live copy of `agent/` in the store, and the few ways to change it.

import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import {
  type Change,
  type Condition,
  Coordination,
  type CoordinationError,
  type Revision,
  type Write,
} from "../../runtime/coordination/Coordination.ts"
import { makeMirror } from "../../runtime/coordination/Mirror.ts"
import type { AgentHello } from "../../wire/control/AgentRpc.ts"
import { Identities } from "../regions/Identities.ts"
import {
  agentKey,
  type AgentRecord,
  decodeAgentRecord,
  encodeAgentRecord,
  type Permission,
  recordOf,
  seenEveryMs,
} from "./AgentRecord.ts"

export interface KnownAgentsOptions {
  /** Of all keys: `/sonde/REGION/`. */
  readonly prefix: string
  /** What an agent may do that was never seen before. */
  readonly newcomers: Permission
}

export interface RecordNews {
  readonly when: Condition
  readonly write: Write
  /** It was written in this revision. */
  readonly done: (revision: Revision) => void
}

const writesMost = 8

export class KnownAgents extends Context.Service<
  KnownAgents,
  {
    readonly get: (id: string) => AgentRecord | undefined
    readonly list: () => ReadonlyArray<AgentRecord>
    /** What a hello changes, to be written with something else; undefined: nothing. As far as this server's copy knows. */
    readonly news: (hello: AgentHello, nowMs: number) => RecordNews | undefined
    /** Notes what a hello says, whatever others write meanwhile; gives the record as it is now. */
    readonly saw: (hello: AgentHello) => Effect.Effect<AgentRecord, CoordinationError>
    /** False: there is no such agent. */
    readonly permit: (id: string, permission: Permission) => Effect.Effect<boolean, CoordinationError>
    /** False: there is no such agent. It may come again, as a newcomer. */
    readonly forget: (id: string) => Effect.Effect<boolean, CoordinationError>
    readonly changes: Stream.Stream<ReadonlyArray<Change>>
  }
>()("sonde/controller/KnownAgents") {
  static readonly layer = (
    options: KnownAgentsOptions,
  ): Layer.Layer<KnownAgents, CoordinationError, Coordination> => Layer.effect(KnownAgents, make(options))
}

const isSame = (one: AgentRecord, other: AgentRecord): boolean =>
  encodeAgentRecord({ ...one, lastSeenMs: 0 }) === encodeAgentRecord({ ...other, lastSeenMs: 0 })

const make = (
  options: KnownAgentsOptions,
): Effect.Effect<KnownAgents["Service"], CoordinationError, Coordination | Scope.Scope> =>
  Effect.gen(function* () {
    const coordination = yield* Coordination
    const identities = yield* Identities
    /** An agent that is known elsewhere keeps what it may; a guest comes only if it may work at home. */
    const newcomer = ({ agent, guestOf }: AgentHello): Permission =>
      guestOf === undefined ? (identities?.permissionOf(agent) ?? options.newcomers) : "allowed"
    const mirror = yield* makeMirror(`${options.prefix}agent/`)
    const keyOf = (id: string) => options.prefix + agentKey(id)
    const decoded = new Map<string, { readonly modified: number; readonly record: AgentRecord }>()
    /** What this server wrote and the copy has not shown yet: whoever writes sees it at once. */
    const ahead = new Map<string, { readonly modified: number; readonly record: AgentRecord }>()

    const get = (id: string): AgentRecord | undefined => {
      const own = ahead.get(id)
      if (own !== undefined && mirror.revision() < own.modified) return own.record
      ahead.delete(id)
      const entry = mirror.get(keyOf(id))
      if (entry === undefined) {
        decoded.delete(id)
        return undefined
      }
      const known = decoded.get(id)
      if (known?.modified === entry.modified) return known.record
      const record = Option.getOrUndefined(decodeAgentRecord(entry.value))
      if (record !== undefined) decoded.set(id, { modified: entry.modified, record })
      return record
    }

    /** Reads, changes and writes until nobody came between; undefined from `change`: nothing to write. */
    const update = (
      id: string,
      change: (before: AgentRecord | undefined) => AgentRecord | undefined,
    ): Effect.Effect<AgentRecord | undefined, CoordinationError> =>
      Effect.gen(function* () {
        const key = keyOf(id)
        let before: AgentRecord | undefined
        for (let attempt = 0; attempt < writesMost; attempt++) {
          const entry = yield* coordination.get(key)
          before = entry === undefined ? undefined : Option.getOrUndefined(decodeAgentRecord(entry.value))
          const after = change(before)
          if (after === undefined) return before
          const { isDone, revision } = yield* coordination.commit({
            when: [entry === undefined ? { key, is: "absent" } : { key, is: "modified", at: entry.modified }],
            writes: [{ put: key, value: encodeAgentRecord(after) }],
          })
          if (isDone) {
            ahead.set(id, { modified: revision, record: after })
            return after
          }
        }
        return before
      })

    /** The record once a hello is noted, and whether that differs enough from the known one to be written. */
    const noted = (hello: AgentHello, nowMs: number) => {
      const known = get(hello.agent)
      const wanted = recordOf(hello, known, newcomer(hello), nowMs)
      const isKnown = known !== undefined && isSame(known, wanted) && nowMs - known.lastSeenMs < seenEveryMs
      return { record: isKnown ? known : wanted, isNews: !isKnown }
    }

    return {
      get,
      list: () => {
        const all: Array<AgentRecord> = []
        const skip = keyOf("").length
        for (const key of mirror.entries().keys()) {
          const record = get(key.slice(skip))
          if (record !== undefined) all.push(record)
        }
        return all
      },
      news: (hello, nowMs) => {
        const { isNews, record } = noted(hello, nowMs)
        if (!isNews) return undefined
        const key = keyOf(hello.agent)
        const entry = mirror.get(key)
        return {
          when: entry === undefined ? { key, is: "absent" } : { key, is: "modified", at: entry.modified },
          write: { put: key, value: encodeAgentRecord(record) },
          done: (revision) => void ahead.set(hello.agent, { modified: revision, record }),
        }
      },
      saw: (hello) =>
        Effect.gen(function* () {
          const nowMs = yield* Clock.currentTimeMillis
          const { isNews, record } = noted(hello, nowMs)
          if (!isNews) return record
          const written = yield* update(hello.agent, (before) =>
            recordOf(hello, before, newcomer(hello), nowMs),
          )
          return written ?? record
        }),
      permit: (id, permission) =>
        Effect.map(
          update(id, (before) => (before === undefined ? undefined : { ...before, permission })),
          (record) => record !== undefined,
        ),
      forget: (id) =>
        Effect.gen(function* () {
          if (get(id) === undefined) return false
          yield* coordination.commit({
            writes: [{ remove: keyOf(id) }, { remove: `${options.prefix}place/${id}` }],
          })
          return true
        }),
      changes: mirror.changes,
    }
  })
