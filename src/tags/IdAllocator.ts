// Where dense ids come from. One server continues behind the largest id that is stored; several share a counter in the store they
// agree on, from which each takes just what it needs, so that ids stay dense and grow in the order in which they were taken.

import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Random from "effect/Random"
import { ClickHouse, type ClickHouseError } from "../runtime/clickhouse/ClickHouse.ts"
import { Coordination, type CoordinationError } from "../runtime/coordination/Coordination.ts"

export type IdSequence = "resource" | "tag_set" | "gprocess"

const largest: Readonly<Record<IdSequence, string>> = {
  resource: "SELECT max(id) AS id FROM flow_tag.resource",
  tag_set: "SELECT max(id) AS id FROM flow_tag.custom_tag",
  gprocess: "SELECT max(id) AS id FROM flow_tag.record WHERE kind = 'gprocess'",
}

/**
 * Left out when the counter is gone although ids are stored: other servers may have taken some from it that they have not stored
 * yet. More than they could have taken in that time.
 */
const gapAfterLoss = 10_000
const firstRetryMs = 20
const longestRetryMs = 2_000
const logEveryMs = 60_000

export class IdAllocator extends Context.Service<
  IdAllocator,
  {
    /** The first of `count` ids in a row that nobody had before. */
    readonly take: (sequence: IdSequence, count: number) => Effect.Effect<number, ClickHouseError>
  }
>()("sonde/tags/IdAllocator") {
  static readonly oneServer: Layer.Layer<IdAllocator, never, ClickHouse> = Layer.effect(
    IdAllocator,
    Effect.gen(function* () {
      const clickhouse = yield* ClickHouse
      const next = new Map<IdSequence, number>()
      const load = (sequence: IdSequence) =>
        Effect.map(largestStored(clickhouse, sequence), (stored) => {
          // Somebody else may have loaded it meanwhile.
          const first = next.get(sequence) ?? stored + 1
          next.set(sequence, first)
          return first
        })
      return {
        take: (sequence, count) =>
          Effect.gen(function* () {
            const first = next.get(sequence) ?? (yield* load(sequence))
            const now = next.get(sequence) ?? first
            next.set(sequence, now + count)
            return now
          }),
      }
    }),
  )

  /**
   * Counters at `PREFIXids/SEQUENCE`. Any server takes from them by compare-and-set, without the leader: it would be one hop more and
   * nobody would get ids while it changes. Waits for the store as long as it is away, since no row can be stored without its ids.
   */
  static readonly clustered = (prefix: string): Layer.Layer<IdAllocator, never, ClickHouse | Coordination> =>
    Layer.effect(
      IdAllocator,
      Effect.gen(function* () {
        const clickhouse = yield* ClickHouse
        const coordination = yield* Coordination
        /** Behind whatever this server has taken or found stored: a counter that stands lower has been set back. */
        const floors = new Map<IdSequence, number>()
        let toldMs = Number.NEGATIVE_INFINITY

        const tell = Effect.fnUntraced(function* (message: string) {
          const nowMs = yield* Clock.currentTimeMillis
          if (nowMs - toldMs < logEveryMs) return
          toldMs = nowMs
          yield* Effect.logWarning(message)
        })

        /** Undefined: another server came first. */
        const attempt = (sequence: IdSequence, count: number) =>
          Effect.gen(function* () {
            const key = `${prefix}ids/${sequence}`
            const entry = yield* coordination.get(key)
            const counter = entry === undefined ? Number.NaN : Number(entry.value)
            let floor = floors.get(sequence)
            if (floor === undefined || !(counter >= floor)) {
              const stored = yield* largestStored(clickhouse, sequence)
              floor = Math.max(stored + 1, floor ?? 1)
            }
            let first = counter
            if (!(counter >= floor)) {
              first = floor === 1 ? 1 : floor + gapAfterLoss
              if (floor > 1) {
                yield* tell(
                  `ids below ${floor} are in use and ${key} is ${entry?.value ?? "missing"}: it goes on at ${first}`,
                )
              }
            }
            const { isDone } = yield* coordination.commit({
              when: [
                entry === undefined ? { key, is: "absent" } : { key, is: "modified", at: entry.modified },
              ],
              writes: [{ put: key, value: String(first + count) }],
            })
            if (!isDone) return undefined
            floors.set(sequence, Math.max(floors.get(sequence) ?? 1, first + count))
            return first
          })

        const patient = (error: CoordinationError) =>
          Effect.as(tell(`no ids for new tags just now, trying on: ${error.message}`), undefined)

        return {
          take: (sequence, count) =>
            Effect.gen(function* () {
              for (let waitMs = firstRetryMs; ; waitMs = Math.min(waitMs * 2, longestRetryMs)) {
                const first = yield* Effect.catchTag(attempt(sequence, count), "CoordinationError", patient)
                if (first !== undefined) return first
                yield* Effect.sleep(waitMs * (yield* Random.next))
              }
            }),
        }
      }),
    )
}

const largestStored = (
  clickhouse: ClickHouse["Service"],
  sequence: IdSequence,
): Effect.Effect<number, ClickHouseError> =>
  Effect.map(clickhouse.query(largest[sequence]), (rows) => Number(rows[0]?.["id"] ?? 0))
