// Bytes a request takes on disk: the same 500,000 spans (50,000 traces of 10; 12 resource and 11 span attributes) as rows of
// flow_log.l7_flow_log with their entries in flow_log.id_index, and of the table that OpenTelemetry's ClickHouse exporter makes, in one engine. Usage: node bench/rowSize.ts.

import { join } from "node:path"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { BatchTagger } from "../src/ingester/enrich/BatchTagger.ts"
import { ResourceIndex } from "../src/ingester/enrich/ResourceIndex.ts"
import { TagInterner } from "../src/ingester/enrich/TagInterner.ts"
import { filedSeconds, keptAYear, noTimeStats } from "../src/ingester/write/filedSeconds.ts"
import { RowIds } from "../src/ingester/write/RowIds.ts"
import { tableBlocks } from "../src/ingester/write/tableBlocks.ts"
import { type ColumnBatch, makeBatch } from "../src/model/ColumnBatch.ts"
import { ClickHouse } from "../src/runtime/clickhouse/ClickHouse.ts"
import { temporaryDirectory } from "../src/runtime/clickhouse/testEngine.ts"
import { migrate } from "../src/tables/migrations/migrate.ts"
import { qualifiedName } from "../src/tables/Table.ts"
import { print, type Result } from "./Result.ts"

const traces = 50_000
const spansOfTrace = 10
const spans = traces * spansOfTrace
const batchRows = 5_000
const mostBytes = 60

/** xorshift32: the same data in every run. */
let state = 0x9e3779b9
const random = (): number => {
  state ^= state << 13
  state ^= state >>> 17
  state ^= state << 5
  return (state >>> 0) / 2 ** 32
}
const pick = <Item>(items: ReadonlyArray<Item>): Item => items[Math.floor(random() * items.length)]!
const hex = (digits: number): string => {
  let text = ""
  while (text.length < digits)
    text += Math.floor(random() * 2 ** 32)
      .toString(16)
      .padStart(8, "0")
  return text.slice(0, digits)
}

const agents = [
  "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0 Safari/537.36",
  "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15",
  "okhttp/4.12.0",
  "python-requests/2.32.3",
  "Go-http-client/1.1",
]
const services = Array.from({ length: 10 }, (_, i) => `service-${"abcdefghij"[i]}`)
const routes = services.map((_, s) =>
  Array.from({ length: 6 }, (__, r) => `/api/v1/${"abcdefghij"[s]}${r}/items`),
)

/** 12 resource attributes of each of the 50 pods. */
const resources = services.flatMap((service, s) =>
  Array.from({ length: 5 }, (_, p) => ({
    "service.name": service,
    "service.version": `1.${s}.0`,
    "service.namespace": "shop",
    "k8s.cluster.name": "prod-1",
    "k8s.namespace.name": "shop",
    "k8s.deployment.name": service,
    "k8s.pod.name": `${service}-${hex(10)}-${hex(5)}`,
    "k8s.pod.uid": hex(32),
    "k8s.node.name": `node-${(s * 5 + p) % 7}`,
    "container.id": hex(64),
    "cloud.region": "eu-central-1",
    "cloud.availability_zone": `eu-central-1${"abc"[p % 3]}`,
  })),
)

interface Span {
  readonly startUs: number
  readonly durationUs: number
  readonly traceId: string
  readonly spanId: string
  readonly parentId: string
  readonly pod: number
  readonly server: number
  readonly requestId: string
  readonly method: string
  readonly route: string
  readonly path: string
  readonly status: number
  readonly client: string
  readonly agent: string
}

const makeSpans = (): ReadonlyArray<Span> => {
  const all: Array<Span> = []
  let startUs = 1_790_000_000_000_000
  for (let t = 0; t < traces; t++) {
    startUs += Math.floor(random() * 4_000)
    const traceId = hex(32)
    const requestId = hex(32)
    const client = `203.0.113.${Math.floor(random() * 250)}`
    const agent = pick(agents)
    const ids: Array<string> = []
    let at = startUs
    for (let s = 0; s < spansOfTrace; s++) {
      const service = Math.floor(random() * services.length)
      const id = hex(16)
      const route = pick(routes[service]!)
      at += Math.floor(random() * 900)
      all.push({
        startUs: at,
        durationUs: Math.floor(300 + random() ** 4 * 80_000),
        traceId,
        spanId: id,
        parentId: s === 0 ? "" : pick(ids),
        pod: service * 5 + Math.floor(random() * 5),
        server: service,
        requestId,
        method: random() < 0.8 ? "GET" : "POST",
        route,
        path: `${route}/${Math.floor(random() * 5_000)}`,
        status: random() < 0.97 ? 200 : pick([404, 500, 503]),
        client,
        agent,
      })
      ids.push(id)
    }
  }
  return all.sort((a, b) => a.startUs - b.startUs)
}

const ipv4 = (a: number, b: number, c: number, d: number): ReadonlyArray<number> => [
  ...[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255],
  ...[a, b, c, d],
]

/** As an importer of spans maps them: what has a column goes there, the rest stays an attribute. */
const l7Batch = (part: ReadonlyArray<Span>): ColumnBatch<"l7"> => {
  const batch = makeBatch("l7", part.length)
  batch.rows = part.length
  const { columns } = batch
  part.forEach((span, row) => {
    columns.start_time[row] = span.startUs
    columns.end_time[row] = span.startUs + span.durationUs
    columns.response_duration[row] = span.durationUs
    columns.type[row] = 2
    columns.l7_protocol[row] = 20
    columns.observation_point[row] = 42
    columns.signal_source[row] = 4
    columns.protocol[row] = 6
    columns.ip_0.set(ipv4(10, 1, 0, 1), row * 16)
    columns.ip_1.set(ipv4(10, 2, 0, span.pod), row * 16)
    columns.server_port[row] = 8080
    columns.process_id_1[row] = 1_000 + span.pod
    columns.process_kname_1[row] = "node"
    columns.gprocess_1[row] = services[span.server]!
    columns.version[row] = "1.1"
    columns.request_type[row] = span.method
    columns.request_domain[row] = `${services[span.server]}.shop.svc`
    columns.request_resource[row] = span.path
    columns.endpoint[row] = span.route
    columns.request_id[row] = -1
    columns.response_code[row] = span.status
    columns.response_status[row] = span.status >= 500 ? 3 : span.status >= 400 ? 4 : 0
    columns.http_proxy_client[row] = span.client
    columns.x_request_id_0[row] = span.requestId
    columns.trace_id[row] = span.traceId
    columns.span_id[row] = span.spanId
    columns.parent_span_id[row] = span.parentId
    columns.request_length[row] = -1
    columns.response_length[row] = -1
    columns.attribute_names[row] = ["user_agent.original", "url.scheme"]
    columns.attribute_values[row] = [span.agent, "http"]
  })
  return batch
}

const otelTable = `CREATE TABLE bench.otel_traces (
  Timestamp DateTime64(9) CODEC(Delta(8), ZSTD(1)), TraceId String CODEC(ZSTD(1)), SpanId String CODEC(ZSTD(1)),
  ParentSpanId String CODEC(ZSTD(1)), TraceState String CODEC(ZSTD(1)), SpanName LowCardinality(String) CODEC(ZSTD(1)),
  SpanKind LowCardinality(String) CODEC(ZSTD(1)), ServiceName LowCardinality(String) CODEC(ZSTD(1)),
  ResourceAttributes Map(LowCardinality(String), String) CODEC(ZSTD(1)), ScopeName String CODEC(ZSTD(1)),
  ScopeVersion String CODEC(ZSTD(1)), SpanAttributes Map(LowCardinality(String), String) CODEC(ZSTD(1)),
  Duration UInt64 CODEC(T64, ZSTD(1)), StatusCode LowCardinality(String) CODEC(ZSTD(1)), StatusMessage String CODEC(ZSTD(1)),
  INDEX idx_trace_id TraceId TYPE bloom_filter(0.001) GRANULARITY 1,
  INDEX idx_res_attr_key mapKeys(ResourceAttributes) TYPE bloom_filter(0.01) GRANULARITY 1,
  INDEX idx_res_attr_value mapValues(ResourceAttributes) TYPE bloom_filter(0.01) GRANULARITY 1,
  INDEX idx_span_attr_key mapKeys(SpanAttributes) TYPE bloom_filter(0.01) GRANULARITY 1,
  INDEX idx_span_attr_value mapValues(SpanAttributes) TYPE bloom_filter(0.01) GRANULARITY 1,
  INDEX idx_duration Duration TYPE minmax GRANULARITY 1
) ENGINE = MergeTree PARTITION BY toDate(Timestamp)
PRIMARY KEY (ServiceName, SpanName, toDateTime(Timestamp))
ORDER BY (ServiceName, SpanName, toDateTime(Timestamp), Timestamp)
SETTINGS index_granularity = 8192, ttl_only_drop_parts = 1`

const otelRow = (span: Span): string =>
  JSON.stringify({
    Timestamp: `${(span.startUs / 1e6).toFixed(6)}`,
    TraceId: span.traceId,
    SpanId: span.spanId,
    ParentSpanId: span.parentId,
    SpanName: `${span.method} ${span.route}`,
    SpanKind: "Server",
    ServiceName: services[span.server],
    ResourceAttributes: resources[span.pod],
    SpanAttributes: {
      "http.request.method": span.method,
      "http.route": span.route,
      "url.path": span.path,
      "url.scheme": "http",
      "http.response.status_code": String(span.status),
      "server.address": `${services[span.server]}.shop.svc`,
      "server.port": "8080",
      "client.address": span.client,
      "user_agent.original": span.agent,
      "network.protocol.version": "1.1",
      "http.request.header.x-request-id": span.requestId,
    },
    Duration: span.durationUs * 1_000,
    StatusCode: span.status >= 500 ? "Error" : "Unset",
  })

const program = Effect.gen(function* () {
  const { command, insertNative, query } = yield* ClickHouse
  yield* migrate({ log: 87_600 })
  yield* command("CREATE DATABASE bench ENGINE = Atomic")
  yield* command(otelTable)
  const interner = new TagInterner()
  const tagger = new BatchTagger(new ResourceIndex(), interner)
  const ids = new RowIds(1, 1_790_000_000)
  const all = makeSpans()
  let resourceId = 1
  for (let from = 0; from < spans; from += batchRows) {
    const part = all.slice(from, from + batchRows)
    const batch = l7Batch(part)
    const tags = tagger.tag(batch, "bench", 1)
    for (const { entry } of interner.takeNew()) entry.id = resourceId++
    tags.complete()
    const nowSecond = Math.floor(part[0]!.startUs / 1e6)
    const times = filedSeconds(batch, nowSecond, keptAYear, noTimeStats())
    for (const block of tableBlocks(batch, times, tags, 1, ids, nowSecond))
      yield* insertNative(qualifiedName(block.table), block.columns, block.block)
    yield* command(`INSERT INTO bench.otel_traces FORMAT JSONEachRow ${part.map(otelRow).join("\n")}`)
  }
  for (const table of ["flow_log.l7_flow_log", "flow_log.id_index", "bench.otel_traces"])
    yield* command(`OPTIMIZE TABLE ${table} FINAL`, {}, { optimize_throw_if_noop: 0 })
  const sizes = yield* query(
    `SELECT table, sum(bytes_on_disk) AS bytes, sum(rows) AS rows FROM system.parts
     WHERE active AND table IN ('l7_flow_log', 'id_index', 'otel_traces') GROUP BY table`,
  )
  const columns = yield* query(
    `SELECT column, sum(column_data_compressed_bytes) / ${spans} AS bytes FROM system.parts_columns
     WHERE active AND table = 'l7_flow_log' GROUP BY column ORDER BY bytes DESC LIMIT 9`,
  )
  const bytesOf = (table: string): number =>
    Number(sizes.find((one) => one["table"] === table)!["bytes"]) / spans
  const [rows, index, theirs] = [bytesOf("l7_flow_log"), bytesOf("id_index"), bytesOf("otel_traces")]
  const ours = rows + index
  const largest = columns
    .map((row) => `${String(row["column"])} ${Number(row["bytes"]).toFixed(1)}`)
    .join(", ")
  const result: Result = {
    what: `${spans.toLocaleString("en")} spans with 23 attributes, bytes each on disk`,
    bar: `<= ${mostBytes}`,
    measured: `${ours.toFixed(1)} B, ${index.toFixed(1)} of them for the index of ids (OpenTelemetry's table ${theirs.toFixed(1)} B, ${(theirs / ours).toFixed(2)}x); largest columns: ${largest}`,
    isMet: ours <= mostBytes,
    command: "node bench/rowSize.ts",
  }
  return [result]
})

const engine = Layer.unwrap(
  Effect.map(temporaryDirectory, (directory) =>
    ClickHouse.embedded({ directory: join(directory, "db"), memoryMiB: 4_096 }),
  ),
)

export const rowSize = (): Promise<ReadonlyArray<Result>> =>
  Effect.runPromise(program.pipe(Effect.provide(engine)))

if (import.meta.main) for (const result of await rowSize()) print(result)
