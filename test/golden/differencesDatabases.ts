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

/** The payloads of a login may be a password in clear: they are masked in any case. */
const mongoLogin = (line: number, key: string, ours: string): Difference => ({
  file: "mongo/mongo",
  lines: [line],
  key,
  ours,
  reason: "Payloads of a login are never shown.",
})

const mongoRequests = Array.from({ length: 15 }, (_, i) => 2 * i)

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
  { file: "mongo/mongo", lines: mongoRequests, key: "response_status", ours: "unknown", reason: unstated },
  { file: "mongo/mongo", lines: mongoRequests, key: "response_code", ours: undefined, reason: unstated },
  mongoLogin(
    0,
    "request_resource",
    '{ "isMaster": 1, "speculativeAuthenticate": { "saslStart": 1, "mechanism": "SCRAM-SHA-256", "payload": ?, "db": "admin" }, "saslSupportedMechs": "admin.admin", "client": { "application": { "name": "MongoDB Shell" }, "driver": { "name": "MongoDB Internal Client", "version": "4.4.25" }, "os": { "type": "Linux", "name": "CentOS Linux release 7.9.2009 (Core)", "architecture": "x86_64", "version": "Kernel 3.10.0-1160.80.1.el7.x86_64" } } }',
  ),
  mongoLogin(
    1,
    "response_result",
    '{ "ismaster": true, "topologyVersion": { "processId": ObjectId("652213ba46c335fa2820b0dc"), "counter": 0 }, "maxBsonObjectSize": 16777216, "maxMessageSizeBytes": 48000000, "maxWriteBatchSize": 100000, "localTime": DateTime("2023-10-08 2:46:22.212 +00:00:00"), "logicalSessionTimeoutMinutes": 30, "connectionId": 3, "minWireVersion": 0, "maxWireVersion": 9, "readOnly": false, "saslSupportedMechs": ["SCRAM-SHA-1", "SCRAM-SHA-256"], "speculativeAuthenticate": { "conversationId": 1, "done": false, "payload": ? }, "ok": 1 }',
  ),
  mongoLogin(
    2,
    "request_resource",
    '{ "saslContinue": 1, "payload": ?, "conversationId": 1, "$db": "admin" }',
  ),
  mongoLogin(3, "response_result", '{ "conversationId": 1, "done": false, "payload": ?, "ok": 1 }'),
  mongoLogin(
    4,
    "request_resource",
    '{ "saslContinue": 1, "payload": ?, "conversationId": 1, "$db": "admin" }',
  ),
  mongoLogin(5, "response_result", '{ "conversationId": 1, "done": true, "payload": ?, "ok": 1 }'),
]
