// POST /v1/query/ (and GET for quick looks): a reading SQL statement, answered in the shape of DeepFlow's
// querier. Tags become columns first, and the guard judges what then is run. Values pass through as ClickHouse wrote them, so that
// 64-bit integers keep all their digits.

import * as Effect from "effect/Effect"
import * as HttpServerRequest from "effect/http/HttpServerRequest"
import type * as HttpServerResponse from "effect/http/HttpServerResponse"
import { randomUUID } from "node:crypto"
import { queryOf } from "../http/parameters.ts"
import { json, jsonText, onDefect } from "../http/responses.ts"
import { QueryStore, type StoreError } from "../store/QueryStore.ts"
import { askRegion, failedRegion, ownAnswer, Regions, togetherAs } from "./Regions.ts"
import { readOnlyGuard } from "./readOnlyGuard.ts"
import { translateSql } from "./translate/translateSql.ts"

export interface SqlQuestion {
  readonly db: string | undefined
  readonly sql: string
  /** Tell which statement was run. */
  readonly debug?: boolean
  /** Ask the other regions as well. */
  readonly isSpanning?: boolean
}

/** Lines, each a JSON array: the names, the types, then the rows. */
const format = "JSONCompactEachRowWithNamesAndTypes"

const maxSqlLength = 256 * 1024
const databaseName = /^[A-Za-z_][A-Za-z0-9_]{0,63}$/

const failure = (
  status: number,
  optStatus: string,
  description: string,
): HttpServerResponse.HttpServerResponse =>
  json(
    { OPT_STATUS: optStatus, DESCRIPTION: description.replace(/\s+/g, " ").trim(), result: null, debug: {} },
    status,
  )

const invalid = (description: string) => failure(400, "INVALID_PARAMETERS", description)

const fromStore = (error: StoreError): HttpServerResponse.HttpServerResponse => {
  switch (error.reason) {
    case "unavailable":
      return failure(
        503,
        "SERVER_ERROR",
        `ClickHouse does not answer: ${error.message}; see /healthz, try again soon`,
      )
    case "timeout":
      return failure(408, "TIMEOUT", `${error.message}; narrow the time range or filter more`)
    case "limit":
      return invalid(`${error.message}; add a LIMIT, narrow the time range or group more`)
    case "refused":
      return invalid(error.message)
  }
}

const schemaOf = (type: string) => ({ type: 0, value_type: type, unit: "", label_type: "", pre_as: "" })

/** `lines` are JSON already; only the types are looked into. */
export const sqlResult = (lines: string, queryId: string, ranSql?: string): string => {
  const rows = lines.split("\n").filter((line) => line !== "")
  const columns = rows[0] ?? "[]"
  const types = JSON.parse(rows[1] ?? "[]") as ReadonlyArray<string>
  const schemas = JSON.stringify(types.map(schemaOf))
  const debug = JSON.stringify({ query_uuid: queryId, ...(ranSql === undefined ? {} : { sql: ranSql }) })
  return (
    `{"OPT_STATUS":"SUCCESS","DESCRIPTION":"","result":{"columns":${columns},"values":[${rows.slice(2).join(",")}],` +
    `"schemas":${schemas}},"debug":${debug}}`
  )
}

const ask = Effect.fnUntraced(function* (question: SqlQuestion) {
  if (question.sql.length > maxSqlLength) return invalid(`sql is longer than ${maxSqlLength} characters`)
  const { db } = question
  if (db !== undefined && (!databaseName.test(db) || db.toLowerCase() === "system")) {
    return invalid(`db: ${JSON.stringify(db.slice(0, 100))} is not the name of a database such as flow_log`)
  }
  const translation = translateSql(question.sql, { database: db })
  if (!translation.ok) return invalid(translation.message)
  const verdict = readOnlyGuard(translation.sql)
  if (!verdict.allowed) return invalid(verdict.reason)
  const queryId = randomUUID()
  const store = yield* QueryStore
  const own = store.text(verdict.sql, { database: db, queryId, format })
  if (question.isSpanning === true) {
    const { others, self } = yield* Regions
    const here = Effect.map(own, (text) => ownAnswer(self, text)).pipe(
      Effect.catch((error) =>
        error.reason === "unavailable"
          ? Effect.succeed(failedRegion(self, error.message))
          : Effect.fail(error),
      ),
    )
    const there = others.map((region) => askRegion(region, { db, sql: question.sql }))
    const answers = yield* Effect.all([here, ...there], { concurrency: "unbounded" })
    return jsonText(togetherAs(answers, schemaOf, queryId))
  }
  const lines = yield* own
  return jsonText(sqlResult(lines, queryId, question.debug === true ? verdict.sql : undefined))
})

const questionOf = (read: (key: string) => unknown, url: string): SqlQuestion | string => {
  const sql = read("sql")
  const db = read("db") || undefined
  const query = queryOf(url)
  const debug = query.get("debug") === "true"
  const regions = query.get("regions")
  if (regions !== null && regions !== "all") return `regions: expected all, found ${JSON.stringify(regions)}`
  if (typeof sql !== "string" || sql.trim() === "") return "sql is missing: send the fields db and sql"
  if (db !== undefined && typeof db !== "string") return "db is not a text"
  return { db, sql, debug, isSpanning: regions === "all" }
}

/** A text instead of a question says what is wrong with the request. */
export const answerSql = (question: SqlQuestion | string) =>
  (typeof question === "string" ? Effect.succeed(invalid(question)) : ask(question)).pipe(
    Effect.catch((error) => Effect.succeed(fromStore(error))),
    onDefect(failure(500, "SERVER_ERROR", "Sonde failed to answer; the log of the server names the cause")),
  )

const bodyOf = (request: HttpServerRequest.HttpServerRequest) =>
  (request.headers["content-type"] ?? "").includes("json")
    ? Effect.map(request.json, (body) =>
        questionOf(
          (key) => (body !== null && typeof body === "object" ? Reflect.get(body, key) : undefined),
          request.url,
        ),
      )
    : Effect.map(request.urlParamsBody, (body) => {
        const fields = new Map(body.params)
        return questionOf((key) => fields.get(key), request.url)
      })

export const postSql = Effect.flatMap(HttpServerRequest.HttpServerRequest, (request) =>
  bodyOf(request).pipe(
    Effect.catch(() =>
      Effect.succeed(
        "the body cannot be read: send a form or JSON of at most 1 MiB with the fields db and sql",
      ),
    ),
    Effect.flatMap(answerSql),
  ),
)

export const getSql = Effect.flatMap(HttpServerRequest.HttpServerRequest, (request) => {
  const query = queryOf(request.url)
  return answerSql(questionOf((key) => query.get(key) ?? undefined, request.url))
})
