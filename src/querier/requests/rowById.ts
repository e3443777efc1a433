// One row of the request log by its number, which tells where in the table to look.

import * as Effect from "effect/Effect"
import type { Statement } from "../store/QueryStore.ts"
import { plannedQuickly, requestTable } from "./requestFilter.ts"
import { storedSecond } from "./rowId.ts"

/**
 * How long before its storing a row may have begun, in the order in which it is looked for: most are stored at once, some waited for the
 * end of a request, few come from an agent that was cut off. Undefined: anywhere.
 */
const storingDelays: ReadonlyArray<number | undefined> = [30, 900, undefined]

/** A clock that is ahead files rows under later seconds than they were stored in. */
const aheadSeconds = 5

export const rowByIdStatement = (
  id: string,
  columns: string,
  delaySeconds: number | undefined,
): Statement => {
  const second = storedSecond(id)
  const nearby = "time >= toDateTime({from:UInt32}) AND time <= toDateTime({to:UInt32}) AND "
  return {
    sql: `SELECT
  ${columns}
FROM ${requestTable}
WHERE ${delaySeconds === undefined ? "" : nearby}_id = {id:UInt64}
LIMIT 1`,
    params:
      delaySeconds === undefined
        ? { id }
        : {
            from: Math.max(0, second - delaySeconds),
            to: Math.min(2 ** 32 - 1, second + aheadSeconds),
            id,
          },
    settings: plannedQuickly,
  }
}

/** Undefined: there is none. `ask`: how a statement's rows are had. */
export const rowById = Effect.fnUntraced(function* <A, E, R>(
  id: string,
  columns: string,
  ask: (statement: Statement) => Effect.Effect<ReadonlyArray<A>, E, R>,
) {
  for (const delay of storingDelays) {
    const [row] = yield* ask(rowByIdStatement(id, columns, delay))
    if (row !== undefined) return row
  }
  return undefined
})
