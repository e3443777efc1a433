// Where dense ids come from. One place in a cluster gives them out (the leader); everybody else asks. This is the form for one
// server: it continues behind the largest id that is stored.

import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { ClickHouse, type ClickHouseError } from "../runtime/clickhouse/ClickHouse.ts"

export type IdSequence = "resource" | "tag_set" | "gprocess"

const largest: Readonly<Record<IdSequence, string>> = {
  resource: "SELECT max(id) AS id FROM flow_tag.resource",
  tag_set: "SELECT max(id) AS id FROM flow_tag.custom_tag",
  gprocess: "SELECT max(id) AS id FROM flow_tag.record WHERE kind = 'gprocess'",
}

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
        Effect.map(clickhouse.query(largest[sequence]), (rows) => {
          // Somebody else may have loaded it meanwhile.
          const first = next.get(sequence) ?? Number(rows[0]?.["id"] ?? 0) + 1
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
}
