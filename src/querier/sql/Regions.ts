// One question to several regions: each runs it on its own store, and their rows come with the region's name in front. Nothing is
// merged, so sums and limits are each region's own; a region that does not answer is named and the others' rows come all the same.

import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import { askHttp, webTrust } from "../../runtime/askHttp.ts"
import type { OtherRegion } from "../../runtime/otherRegions.ts"

const answerMs = 30_000
/** Bytes of one region's answer. */
const bytesMost = 64 * 1_024 * 1_024

/** This region's name and the others; none unless configured. */
export const Regions = Context.Reference<{
  readonly self: string
  readonly others: ReadonlyArray<OtherRegion>
}>("sonde/querier/Regions", { defaultValue: () => ({ self: "default", others: [] }) })

/** What a region said. `rows`: JSON texts of arrays, as the region wrote them. */
export interface RegionAnswer {
  readonly region: string
  readonly columns: ReadonlyArray<string>
  readonly types: ReadonlyArray<string>
  readonly rows: ReadonlyArray<string>
  /** Why there are no rows; empty: there may be. */
  readonly problem: string
}

/** Numbers that a double cannot hold stay as they were written. */
const lossless = (_: string, value: unknown, context: { readonly source?: string }): unknown =>
  typeof value === "number" &&
  Number.isInteger(value) &&
  !Number.isSafeInteger(value) &&
  context.source !== undefined
    ? (JSON as unknown as { rawJSON: (text: string) => unknown }).rawJSON(context.source)
    : value

interface Said {
  readonly DESCRIPTION?: string
  readonly result?: {
    readonly columns: ReadonlyArray<string>
    readonly values: ReadonlyArray<unknown>
    readonly schemas: ReadonlyArray<{ readonly value_type: string }>
  } | null
}

export const failedRegion = (region: string, problem: string): RegionAnswer => ({
  region,
  columns: [],
  types: [],
  rows: [],
  problem,
})

/** This server's own answer (lines of JSON: names, types, rows) as a region's. */
export const ownAnswer = (region: string, lines: string): RegionAnswer => {
  const [columns = "[]", types = "[]", ...rows] = lines.split("\n").filter((line) => line !== "")
  return {
    region,
    columns: JSON.parse(columns) as ReadonlyArray<string>,
    types: JSON.parse(types) as ReadonlyArray<string>,
    rows,
    problem: "",
  }
}

export const askRegion = (
  { ca, name, url }: OtherRegion,
  question: { readonly db: string | undefined; readonly sql: string },
): Effect.Effect<RegionAnswer> =>
  Effect.tryPromise(async (signal) => {
    const { status, text } = await askHttp(`${url}/v1/query/`, {
      method: "POST",
      body: question,
      bytesMost,
      signal,
      tls: webTrust(ca, name),
    })
    const parse = JSON.parse as unknown as (text: string, reviver: typeof lossless) => unknown
    const { DESCRIPTION, result } = parse(text, lossless) as Said
    if (result === undefined || result === null)
      return failedRegion(name, DESCRIPTION ?? `answers with status ${status}`)
    return {
      region: name,
      columns: result.columns,
      types: result.schemas.map(({ value_type }) => value_type),
      rows: result.values.map((row) => JSON.stringify(row)),
      problem: "",
    }
  }).pipe(
    Effect.timeoutOrElse({
      duration: answerMs,
      orElse: () => Effect.succeed(failedRegion(name, `no answer within ${answerMs / 1_000} s`)),
    }),
    Effect.catch(({ cause }) =>
      Effect.succeed(failedRegion(name, cause instanceof Error ? cause.message : String(cause))),
    ),
  )

/** The whole answer as JSON text, in the shape of one region's with `region` as its first column. */
export const togetherAs = (
  answers: ReadonlyArray<RegionAnswer>,
  schemaOf: (type: string) => unknown,
  queryId: string,
): string => {
  const first = answers.find(({ problem }) => problem === "")
  const columns = first?.columns ?? []
  const told = answers.map((answer) =>
    answer.problem === "" && JSON.stringify(answer.columns) !== JSON.stringify(columns)
      ? failedRegion(answer.region, `its columns are ${answer.columns.join(", ")}: it runs another version`)
      : answer,
  )
  const rows = told.flatMap(({ region, rows: own }) =>
    own.map((row) => `[${JSON.stringify(region)}${row === "[]" ? "" : `,${row.slice(1, -1)}`}]`),
  )
  const silent = told.filter(({ problem }) => problem !== "")
  const description = silent.map(({ problem, region }) => `region ${region}: ${problem}`).join("; ")
  const status = silent.length === 0 ? "SUCCESS" : first === undefined ? "SERVER_ERROR" : "PARTIAL_RESULT"
  const regions = told.map(({ problem, region, rows: own }) => ({ region, rows: own.length, problem }))
  const head = JSON.stringify({ OPT_STATUS: status, DESCRIPTION: description }).slice(0, -1)
  const schemas = JSON.stringify(["String", ...(first?.types ?? [])].map(schemaOf))
  return (
    `${head},"result":{"columns":${JSON.stringify(["region", ...columns])},"values":[${rows.join(",")}],"schemas":${schemas}},` +
    `"debug":${JSON.stringify({ query_uuid: queryId, regions })}}`
  )
}
