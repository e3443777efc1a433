// Deliberate differences of the database protocols; see differences.ts.

import type { Difference } from "./differences.ts"

const unstated = "A request has no status of its own."
const quits = "COM_QUIT is a request that nobody answers; its status is not known."

/** MySQL: the greeting is no message, and the login and COM_QUIT have no status. */
const mysqlSession = (name: string, quit: number): ReadonlyArray<Difference> => [
  { file: `mysql/${name}`, lines: [0], reason: "The greeting of the server carries no message." },
  { file: `mysql/${name}`, lines: [1], key: "response_status", ours: "unknown", reason: unstated },
  { file: `mysql/${name}`, lines: [quit], key: "msg", ours: "request", reason: quits },
  { file: `mysql/${name}`, lines: [quit], key: "response_status", ours: "unknown", reason: quits },
]

/** A PostgreSQL message in several segments: its first line stands for it, the others are not printed. */
const postgresqlSegments = (
  msg: "request" | "response",
  status: string,
  first: number,
  others: ReadonlyArray<number>,
): ReadonlyArray<Difference> => {
  const reason = "A message in several segments: we reassemble."
  const file = "postgre/pgsql-all"
  return [
    { file, lines: [first], key: "msg", ours: msg, reason },
    ...(status === "unknown" ? [] : [{ file, lines: [first], key: "response_status", ours: status, reason }]),
    ...(others.length === 0 ? [] : [{ file, lines: others, reason }]),
  ]
}

export const databaseDifferences: ReadonlyArray<Difference> = [
  ...postgresqlSegments("response", "ok", 15, [16, 17, 18, 19, 20, 21]),
  ...postgresqlSegments("request", "unknown", 32, [33, 34]),
  ...postgresqlSegments("response", "ok", 35, [36]),
  ...postgresqlSegments("request", "unknown", 69, [70, 71, 72, 73, 74]),
  ...postgresqlSegments("response", "ok", 75, []),
  ...mysqlSession("mysql", 15),
  { file: "mysql/mysql", lines: [2, 3], reason: "Steps of the login of line 1." },
  ...mysqlSession("mysql-error", 9),
  ...mysqlSession("mysql-table-create", 17),
  ...mysqlSession("mysql-table-delete", 7),
  ...mysqlSession("mysql-table-desc", 7),
  ...mysqlSession("mysql-table-destroy", 7),
  ...mysqlSession("mysql-table-update", 7),
  { file: "mysql/mysql-login-error", lines: [0], reason: "The greeting of the server carries no message." },
  { file: "mysql/mysql-login-error", lines: [1], key: "response_status", ours: "unknown", reason: unstated },
]
