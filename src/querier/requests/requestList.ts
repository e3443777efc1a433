// GET /api/v1/requests: newest first, in pages. Order and cursors are `_id`, which grows as rows are stored:
// a row that arrives late has a high `_id`, so that whoever asks `after` the newest one they have gets it and
// misses none.

import * as Effect from "effect/Effect"
import { integerParameter, uint64Parameter } from "../http/parameters.ts"
import { QueryStore, type Statement } from "../store/QueryStore.ts"
import { filterConditions, type RequestFilter, requestFilter, requestTable } from "./requestFilter.ts"
import { type NewestPage, newestRows } from "./newestRows.ts"
import { requestRow, type RequestRow, requestRowColumns } from "./requestRow.ts"

const defaultLimit = 200
const maxLimit = 1000

export interface RequestList {
  readonly rows: ReadonlyArray<RequestRow>
  /** Pass it as `before` (beside the same `after`) for the rows that did not fit; null when all did. */
  readonly next: string | null
}

/** One row more than asked for tells whether there are more. */
export const requestListStatement = (filter: RequestFilter, page: NewestPage): Statement => {
  const conditions = filterConditions(filter)
  const parts = [conditions.sql]
  if (page.before !== undefined) parts.push("_id < {before:UInt64}")
  if (page.after !== undefined) parts.push("_id > {after:UInt64}")
  return {
    sql: `SELECT
  ${requestRowColumns}
FROM ${requestTable}
WHERE ${parts.join(" AND ")}
ORDER BY _id DESC
LIMIT {limit:UInt32}`,
    params: {
      ...conditions.params,
      ...(page.before === undefined ? {} : { before: page.before }),
      ...(page.after === undefined ? {} : { after: page.after }),
      limit: page.limit + 1,
    },
  }
}

export const requestList = Effect.fn("requestList")(function* (query: URLSearchParams) {
  const filter = yield* requestFilter(query)
  const page: NewestPage = {
    limit: (yield* integerParameter(query, "limit", 1, maxLimit)) ?? defaultLimit,
    before: yield* uint64Parameter(query, "before"),
    after: yield* uint64Parameter(query, "after"),
  }
  const store = yield* QueryStore
  const found = yield* newestRows(filter.range, page, (after) =>
    store.rows(requestListStatement(filter, { ...page, after })),
  )
  const rows = found.slice(0, page.limit).map(requestRow)
  const next = found.length > page.limit ? rows[rows.length - 1].id : null
  return { rows, next } satisfies RequestList
})
