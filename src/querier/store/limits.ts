// How much one question may cost. ClickHouse itself enforces these; `readonly` keeps the statement from
// changing them.

import type { Settings } from "../../runtime/clickhouse/ClickHouse.ts"
import type { StoreErrorReason } from "./QueryStore.ts"

const mebibyte = 1024 * 1024

const resultBytes = 32 * mebibyte

export const queryLimits = {
  readonly: "1",
  max_execution_time: 30,
  max_result_rows: "100000",
  max_result_bytes: String(resultBytes),
  max_rows_to_read: "5000000000",
  max_bytes_to_read: String(200 * 1024 * mebibyte),
  max_memory_usage: String(512 * mebibyte),
  max_threads: 2,
  result_overflow_mode: "throw",
  read_overflow_mode: "throw",
  timeout_overflow_mode: "throw",
  cancel_http_readonly_queries_on_client_close: 1,
  /** A failure in the middle of an answer gives an error status and not half an answer. */
  wait_end_of_query: 1,
  /** Until then it waits in memory: a file would not do, on a full disk its answer is empty and says success. */
  http_response_buffer_size: String(resultBytes),
  max_query_size: String(mebibyte / 2),
  max_ast_elements: "20000",
  max_ast_depth: "500",
} satisfies Settings

/** ClickHouse error codes (`system.errors`) by what they mean to who asked. */
const timeoutCodes = new Set([159, 160, 209])
const limitCodes = new Set([158, 241, 307, 396, 167, 168, 306])
const unavailableCodes = new Set([202, 210, 236, 279, 394, 439])

export const reasonOfCode = (code: number): StoreErrorReason => {
  if (timeoutCodes.has(code)) return "timeout"
  if (limitCodes.has(code)) return "limit"
  if (unavailableCodes.has(code)) return "unavailable"
  return "refused"
}
