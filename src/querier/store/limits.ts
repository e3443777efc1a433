// How much one question may cost. ClickHouse itself enforces these; `readonly` keeps the statement from changing them.

export const queryLimits = {
  readonly: 1,
  max_execution_time: 30,
  max_result_rows: 100_000,
  max_result_bytes: 32 * 1024 * 1024,
  max_rows_to_read: 5_000_000_000,
  max_bytes_to_read: 200 * 1024 * 1024 * 1024,
  max_memory_usage: 512 * 1024 * 1024,
  max_threads: 2,
  result_overflow_mode: "throw",
  read_overflow_mode: "throw",
  timeout_overflow_mode: "throw",
  cancel_http_readonly_queries_on_client_close: 1,
  /** A failure in the middle of an answer gives an error status and not half an answer. */
  wait_end_of_query: 1,
  max_query_size: 256 * 1024,
  max_ast_elements: 20_000,
  max_ast_depth: 500,
} as const

/** ClickHouse error codes (`system.errors`) by what they mean to who asked. */
const timeoutCodes = new Set([159, 160, 209])
const limitCodes = new Set([158, 241, 307, 396, 167, 168, 306])
const unavailableCodes = new Set([202, 210, 236, 279, 394, 439])

export const reasonOfCode = (code: number): "unavailable" | "timeout" | "limit" | "refused" => {
  if (timeoutCodes.has(code)) return "timeout"
  if (limitCodes.has(code)) return "limit"
  if (unavailableCodes.has(code)) return "unavailable"
  return "refused"
}
