// What the querier asks of ClickHouse: one reading statement at a time, bounded in time, memory, rows and
// bytes. Values of users travel as ClickHouse query parameters (`{name:Type}`) and never inside the text of a
// statement.

import * as Context from "effect/Context"
import * as Data from "effect/Data"
import type * as Effect from "effect/Effect"
import type { Row, Settings } from "../../runtime/clickhouse/ClickHouse.ts"

/** Elements of arrays of 64-bit integers are bigints: texts would be quoted. */
export type Parameter = string | number | ReadonlyArray<string | number | bigint>

/** A statement of our own and its parameters. */
export interface Statement {
  readonly sql: string
  readonly params: Readonly<Record<string, Parameter>>
  /** ClickHouse settings beside `queryLimits`. */
  readonly settings?: Settings
}

/** `refused`: the statement is wrong or not allowed; `limit`: it needs more than it may have. */
export type StoreErrorReason = "unavailable" | "timeout" | "limit" | "refused"

export class StoreError extends Data.TaggedError("StoreError")<{
  readonly reason: StoreErrorReason
  readonly message: string
  readonly cause?: unknown
}> {}

export interface TextOptions {
  readonly database: string | undefined
  readonly queryId: string
  readonly format: string
}

export class QueryStore extends Context.Service<
  QueryStore,
  {
    readonly rows: (statement: Statement) => Effect.Effect<ReadonlyArray<Row>, StoreError>
    /** A user's statement, answered in the given format with 64-bit integers as plain numbers. */
    readonly text: (sql: string, options: TextOptions) => Effect.Effect<string, StoreError>
  }
>()("sonde/querier/QueryStore") {}
