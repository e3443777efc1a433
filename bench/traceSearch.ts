// How long it takes to find and assemble one trace among millions of requests, to list those of a quarter of an hour, and what the
// index of ids costs. The requests are those that agents see: both ends of 50 calls a trace, each of which makes two more; 6,000
// rows a second. Half of the traces carry no trace id at all and are held together by sequence numbers and causal ids only.
// Usage: node bench/traceSearch.ts [--rows N] [--data DIR]; what was made in DIR once serves again.

import { readFileSync } from "node:fs"
import { join } from "node:path"
import { parseArgs } from "node:util"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import { clickHouseStore } from "../src/querier/store/clickHouseStore.ts"
import type { Statement } from "../src/querier/store/QueryStore.ts"
import type { Asked } from "../src/querier/trace/assemble/assembleTrace.ts"
import { traceList } from "../src/querier/trace/list/traceList.ts"
import {
  detailsStatement,
  neighbourStatement,
  sharedIdStatement,
} from "../src/querier/trace/search/searchStatements.ts"
import { traceOf } from "../src/querier/trace/traceOf.ts"
import { ClickHouse } from "../src/runtime/clickhouse/ClickHouse.ts"
import { temporaryDirectory } from "../src/runtime/clickhouse/testEngine.ts"
import { migrate } from "../src/tables/migrations/migrate.ts"
import { median, print, quantile, type Result } from "./Result.ts"

const { values } = parseArgs({
  args: import.meta.main ? process.argv.slice(2) : [],
  options: { rows: { type: "string", default: "50000000" }, data: { type: "string" } },
})

const calls = 50
const rowsOfTrace = calls * 2
const traces = Math.ceil(Number(values.rows) / rowsOfTrace)
const tracesAtOnce = 20_000
/** Microseconds: 6,000 rows a second. */
const tracesApart = 16_667
const idsOfTrace = 64
const begin = 1_790_000_000
const asked = 100
const mostMedianMs = 50
const mostP99Ms = 300
const listedSeconds = 900
const mostListMs = 60

/**
 * Row `number` is of trace `t`, call `k`, seen at its client (`e` = 0) or server; calls are made for the calls above them as in a binary
 * heap. `p`: the process that saw it, 0 where the trace begins; `d`: how deep it is.
 */
const generated = (from: number, count: number): string => `
  INSERT INTO flow_log.l7_flow_log (time, _id, start_time, end_time, agent_id, observation_point, signal_source, type, l7_protocol,
    protocol, direction_score, flow_id, is_ipv4, ip4_0, ip4_1, client_port, server_port, resource_id_0, resource_id_1, process_id_0,
    process_id_1, syscall_trace_id_request, syscall_trace_id_response, req_tcp_seq, resp_tcp_seq, request_type, request_domain,
    request_resource, endpoint, response_code, response_duration, captured_request_byte, captured_response_byte, _trace_id,
    _span_id, x_request_id_0)
  WITH intDiv(number, ${rowsOfTrace}) AS t, intDiv(number, 2) % ${calls} AS k, number % 2 AS e, cityHash64(t, k) AS h,
    if(k = 0, 0, intDiv(k - 1, 2) + 1) AS c, if(e = 0, c, k + 1) AS p, toInt64(floor(log2(k + 1))) AS d,
    ${begin} * 1000000 + t * ${tracesApart} + d * 300 + k % 2 * 20 + e * 40 AS us, 40000 - d * 3000 - e * 80 + h % 900 AS took
  SELECT intDiv(us, 1000000), bitShiftLeft(toUInt64(intDiv(us, 1000000)), 32) + number % 4294967296, fromUnixTimestamp64Micro(us),
    fromUnixTimestamp64Micro(us + took), 1 + p % 3, if(e = 0, 'c-p', 's-p'), 3, 2, if(k = 5, 80, 20), 6, 255, h, 1,
    toIPv4('10.0.0.1'), toIPv4('10.0.0.2'), 20000 + h % 40000, 8080 + k, 1 + c, 2 + k, 1000 + c, 1001 + k,
    if(p = 0, 0, t * ${idsOfTrace} + p), if(p = 0, 0, t * ${idsOfTrace} + p), toUInt32(h), toUInt32(h * 31), 'GET',
    concat('service-', toString(k)), concat('/api/', toString(k), '/', toString(h % 5000)), concat('/api/', toString(k)), 200, took,
    300 + h % 100, 500 + h % 1000, if(t % 2 = 0, toFixedString(sipHash128(t), 16), toFixedString('', 16)),
    if(t % 2 = 0, cityHash64(t, k, 's'), 0), ''
  FROM numbers(${from * rowsOfTrace}, ${count * rowsOfTrace})`

/** CPU time of the engine and of this process, milliseconds. */
const cpuMs = (pid: number): number => {
  const [, after] = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")
  const fields = after!.split(" ")
  const { system, user } = process.cpuUsage()
  return (Number(fields[11]) + Number(fields[12])) * 10 + (system + user) / 1_000
}

const timesOf = Effect.fnUntraced(function* (all: ReadonlyArray<Asked>) {
  const { pid } = (yield* ClickHouse).server()
  const times: Array<number> = []
  let questions = 0
  yield* traceOf(all[0]!)
  const cpuBefore = cpuMs(pid)
  for (const one of all) {
    const began = performance.now()
    const trace = yield* traceOf(one)
    times.push(performance.now() - began)
    if (trace === undefined || trace.spans.length !== rowsOfTrace || trace.roots.length !== 1)
      return yield* Effect.die(
        new Error(`${JSON.stringify(one)}: ${trace?.spans.length} spans, ${trace?.roots.length} roots`),
      )
    questions = Math.max(questions, trace.search.questions)
  }
  return { times, questions, cpu: (cpuMs(pid) - cpuBefore) / all.length }
})

const p99 = (times: ReadonlyArray<number>): number =>
  quantile(
    times.toSorted((a, b) => a - b),
    0.99,
  )

const rowsRead = Effect.fnUntraced(function* ({ params, sql }: Statement) {
  const { raw } = yield* ClickHouse
  const answer = JSON.parse(yield* raw(sql, { format: "JSON", params })) as {
    readonly rows: number
    readonly statistics: { readonly rows_read: number; readonly elapsed: number }
  }
  return answer.statistics
})

const make = Effect.gen(function* () {
  const { command, query } = yield* ClickHouse
  yield* command(
    `INSERT INTO flow_tag.resource (id, auto_service) SELECT number, concat('service-', toString(number)) FROM numbers(1, ${calls + 2})`,
  )
  for (let from = 0; from < traces; from += tracesAtOnce)
    yield* command(generated(from, Math.min(tracesAtOnce, traces - from)), {}, { max_insert_threads: "1" })
  yield* Effect.sleep("2 seconds")
  for (;;) {
    const [merges] = yield* query("SELECT count() AS running FROM system.merges")
    if (Number(merges!.running) === 0) break
    yield* Effect.sleep("1 second")
  }
})

const program = Effect.gen(function* () {
  const { query } = yield* ClickHouse
  yield* migrate({ log: 87_600 })
  const [made] = yield* query("SELECT count() AS rows FROM flow_log.l7_flow_log")
  if (Number(made!.rows) === 0) yield* make
  const sizes = yield* query(
    `SELECT table, sum(bytes_on_disk) AS bytes, sum(rows) AS rows FROM system.parts
     WHERE active AND database = 'flow_log' AND table IN ('l7_flow_log', 'id_index') GROUP BY table ORDER BY table`,
  )
  const [index, log] = sizes as [(typeof sizes)[0], (typeof sizes)[0]]
  const rows = Number(log.rows)
  const some = Array.from({ length: asked }, (_, n) => Math.floor(((n + 0.5) / asked) * traces))
  const plain = some.map((t) => t | 1)
  const carrying = some.map((t) => t & ~1)
  const middle = yield* query(
    `SELECT toString(_id) AS id FROM flow_log.l7_flow_log
     WHERE time IN (${plain.map((t) => begin + Math.floor((t * tracesApart + 600) / 1e6)).join(", ")})
       AND syscall_trace_id_request IN (${plain.map((t) => t * idsOfTrace + 3).join(", ")})
       AND observation_point = 's-p'`,
  )
  const ids = yield* query(
    `SELECT lower(hex(toFixedString(sipHash128(toUInt64(number)), 16))) AS id FROM numbers(${traces}) WHERE number IN (${carrying.join(", ")})`,
  )
  const byRow = yield* timesOf(middle.map(({ id }) => ({ rowId: String(id) })))
  const byTrace = yield* timesOf(ids.map(({ id }) => ({ traceId: String(id) })))
  const none = { traceIds: [], xRequestIds: [], causalIds: [], sequences: [], connections: [] }
  const [range, limit] = [{ from: begin - 3_600, to: begin + 90_000 }, 2_000]
  const one = yield* rowsRead(sharedIdStatement({ ...none, traceIds: [String(ids[1]!.id)] }, limit)!)
  const causal = yield* rowsRead(
    neighbourStatement({ ...none, causalIds: [[1, String(plain[1]! * idsOfTrace + 3)]] }, limit, range)!,
  )
  const [seen] = yield* query(
    `SELECT toString(_id) AS id, toUnixTimestamp(time) AS second FROM flow_log.l7_flow_log LIMIT 1`,
  )
  const details = yield* rowsRead(detailsStatement([String(seen!.id)], [Number(seen!.second)]))
  const nothing: Array<number> = []
  for (let n = 0; n < asked; n++) {
    const began = performance.now()
    yield* query("SELECT 1")
    nothing.push(performance.now() - began)
  }
  const lists: Array<number> = []
  const lastSecond = begin + Math.floor((traces * tracesApart) / 1e6)
  for (let n = 0; n < asked; n++) {
    const to = lastSecond - n
    const began = performance.now()
    const { traces: listed } = yield* traceList(
      new URLSearchParams({ from: `${to - listedSeconds}000000`, to: `${to}000000` }),
    )
    lists.push(performance.now() - began)
    if (listed.length !== 200) return yield* Effect.die(new Error(`${listed.length} traces listed`))
  }
  const scanBegan = performance.now()
  yield* query(
    `SELECT count() FROM flow_log.l7_flow_log WHERE syscall_trace_id_request = ${plain[1]! * idsOfTrace + 3}`,
  )
  const scanMs = performance.now() - scanBegan
  const spread = (times: ReadonlyArray<number>): string =>
    `p50 ${median(times).toFixed(0)} ms, p99 ${p99(times).toFixed(0)} ms`
  const results: ReadonlyArray<Result> = [
    {
      what: `a trace of ${rowsOfTrace} spans among ${rows.toLocaleString("en")} found and assembled`,
      bar: `p50 <= ${mostMedianMs} ms, p99 <= ${mostP99Ms} ms`,
      measured:
        `from a row, without a trace id ${spread(byRow.times)} (CPU ${byRow.cpu.toFixed(0)} ms) in ${byRow.questions} questions;` +
        ` by its trace id ${spread(byTrace.times)} (CPU ${byTrace.cpu.toFixed(0)} ms) in ${byTrace.questions};` +
        ` one question reads ${one.rows_read.toLocaleString("en")} rows for a trace id, ` +
        `${causal.rows_read.toLocaleString("en")} for a causal id, ` +
        `${details.rows_read.toLocaleString("en")} for what a span says (all of them: ${scanMs.toFixed(0)} ms); SELECT 1 takes ${median(nothing).toFixed(1)} ms here`,
      isMet: [byRow, byTrace].every(({ times }) => median(times) <= mostMedianMs && p99(times) <= mostP99Ms),
      command: "node bench/traceSearch.ts",
    },
    {
      what: "the newest 200 traces of 15 minutes",
      bar: `<= ${mostListMs} ms`,
      measured: spread(lists),
      isMet: median(lists) <= mostListMs,
      command: "node bench/traceSearch.ts",
    },
    {
      what: "index of ids, bytes a span of an agent on disk",
      bar: "",
      measured: `${(Number(index.bytes) / rows).toFixed(1)} B beside ${(Number(log.bytes) / rows).toFixed(1)} B of the row; ${(Number(index.rows) / rows).toFixed(2)} entries a span`,
      command: "node bench/traceSearch.ts",
    },
  ]
  return results
})

const engine = Layer.unwrap(
  Effect.map(values.data === undefined ? temporaryDirectory : Effect.succeed(values.data), (directory) =>
    ClickHouse.embedded({ directory: join(directory, "db"), memoryMiB: 4_096 }),
  ),
)

export const traceSearch = (): Promise<ReadonlyArray<Result>> =>
  Effect.runPromise(
    program.pipe(
      Effect.provide(clickHouseStore.pipe(Layer.provideMerge(engine))),
      Effect.provide(Logger.layer([])),
    ),
  )

if (import.meta.main) for (const result of await traceSearch()) print(result)
