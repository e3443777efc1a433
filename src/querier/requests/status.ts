// Outcomes of a request by the names the console uses, and the stored numbers behind them.

import { ResponseStatus } from "../../model/L7Session.ts"

export const statusNames = ["ok", "client_error", "server_error", "timeout", "unknown"] as const
export type StatusName = (typeof statusNames)[number]

const names = new Map<number, StatusName>([
  [ResponseStatus.ok, "ok"],
  [ResponseStatus.clientError, "client_error"],
  [ResponseStatus.serverError, "server_error"],
  [ResponseStatus.timeout, "timeout"],
])

export const statusName = (status: number): StatusName => names.get(status) ?? "unknown"

export const statusSql: Readonly<Record<StatusName, string>> = {
  ok: `response_status = ${ResponseStatus.ok}`,
  client_error: `response_status = ${ResponseStatus.clientError}`,
  server_error: `response_status = ${ResponseStatus.serverError}`,
  timeout: `response_status = ${ResponseStatus.timeout}`,
  unknown: `response_status NOT IN (${[...names.keys()].join(", ")})`,
}

/**
 * What counts as an error of a service or an edge: both kinds of errors, and requests without an answer in
 * time.
 */
export const errorSql = `response_status IN (${[
  ResponseStatus.clientError,
  ResponseStatus.serverError,
  ResponseStatus.timeout,
].join(", ")})`
