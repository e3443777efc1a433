// What people read of spans, asked for by and by: of rows that were found while more of them are searched for. Tags are remembered from trace to
// trace: what is behind a number never changes.

import * as Effect from "effect/Effect"
import type { Row } from "../../runtime/clickhouse/ClickHouse.ts"
import type { QueryStore, StoreError } from "../store/QueryStore.ts"
import { detailsStatement, sideTagsStatement } from "./search/searchStatements.ts"
import { noTags, resourceIds, type SideTags, sideTags, type SpanDetails, spanDetails } from "./SpanDetails.ts"
import type { SpanRow } from "./SpanRow.ts"

type Store = QueryStore["Service"]

/** Rows in one question: their ids travel in its address. */
const mostAtOnce = 5_000
/** Sides whose tags are remembered, of one store. */
const mostTags = 32_768

const tagsOfStores = new WeakMap<Store, Map<number, SideTags>>()

const knownTags = (store: Store): Map<number, SideTags> => {
  let known = tagsOfStores.get(store)
  if (known === undefined) tagsOfStores.set(store, (known = new Map()))
  return known
}

export class DetailsReader {
  /** Of each row that was read, by id. */
  readonly details = new Map<string, SpanDetails>()
  readonly #asked = new Set<string>()
  readonly #store: Store
  readonly #tags: Map<number, SideTags>

  constructor(store: Store) {
    this.#store = store
    this.#tags = knownTags(store)
  }

  /** Reads those that were not read before. */
  read(rows: ReadonlyArray<SpanRow>): Effect.Effect<void, StoreError> {
    return Effect.gen({ self: this }, function* () {
      const wanted = rows.filter(({ id }) => !this.#asked.has(id))
      for (const { id } of wanted) this.#asked.add(id)
      for (let from = 0; from < wanted.length; from += mostAtOnce)
        yield* this.#readAtOnce(wanted.slice(from, from + mostAtOnce))
    })
  }

  #readAtOnce(spans: ReadonlyArray<SpanRow>): Effect.Effect<void, StoreError> {
    return Effect.gen({ self: this }, function* () {
      const ids = spans.map(({ id }) => id)
      const seconds = [...new Set(spans.map(({ second }) => second))]
      const found = yield* this.#store.rows(detailsStatement(ids, seconds))
      const tags = yield* this.#tagsOf(new Set(found.flatMap(resourceIds)))
      const byId = new Map(spans.map((span) => [span.id, span]))
      for (const row of found) {
        const span = byId.get(String(row.d_id))
        if (span === undefined) continue
        const [client, server] = resourceIds(row)
        this.details.set(
          span.id,
          spanDetails(row, span, tags.get(client) ?? noTags, tags.get(server) ?? noTags),
        )
      }
    })
  }

  #tagsOf(ids: ReadonlySet<number>): Effect.Effect<ReadonlyMap<number, SideTags>, StoreError> {
    return Effect.gen({ self: this }, function* () {
      const tags = new Map<number, SideTags>()
      const unknown: Array<number> = []
      for (const id of ids) {
        const known = this.#tags.get(id)
        if (known !== undefined) tags.set(id, known)
        else if (id !== 0) unknown.push(id)
      }
      for (let from = 0; from < unknown.length; from += mostAtOnce)
        for (const row of yield* this.#store.rows(sideTagsStatement(unknown.slice(from, from + mostAtOnce))))
          this.#remember(tags, row)
      return tags
    })
  }

  #remember(tags: Map<number, SideTags>, row: Row): void {
    const id = Number(row.id)
    const side = sideTags(row)
    tags.set(id, side)
    if (this.#tags.size >= mostTags) this.#tags.delete(this.#tags.keys().next().value!)
    this.#tags.set(id, side)
  }
}
