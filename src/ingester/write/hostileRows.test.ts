// Rows no honest agent makes, against a real engine: each is stored, changed or kept, counted, and what came with them lives.

import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { describe, expect, it } from "vitest"
import { ClickHouse } from "../../runtime/clickhouse/ClickHouse.ts"
import { HealthTree } from "../../runtime/Health.ts"
import { StatsRegistry } from "../../runtime/metrics.ts"
import { l7FlowLog } from "../../tables/l7FlowLog.ts"
import { createTable } from "../../tables/Table.ts"
import { kept } from "../../tables/tables.testing.ts"
import { BatchSink } from "../receive/BatchSink.ts"
import { textMost } from "./clipRows.ts"
import { Patience } from "./Patience.ts"
import { TableWriter } from "./TableWriter.ts"
import { count, metrics, received, requests, run } from "./writer.testing.ts"

const query = (sql: string) => Effect.flatMap(ClickHouse, (clickhouse) => clickhouse.query(sql))

describe("hostile rows", () => {
  it("files times that cannot be under now, with their own start, and says so once", async () => {
    const said: Array<string> = []
    const rows = await run(
      Effect.gen(function* () {
        const { write } = yield* BatchSink
        for (const seq of [1, 2]) {
          const batch = requests(3, seq * 3)
          batch.columns.start_time.set([0, Number.MAX_SAFE_INTEGER])
          yield* write(received(seq, batch))
        }
        return yield* query(
          `SELECT toUInt32(flow_id) AS id, abs(toInt64(toUnixTimestamp(time)) - toUnixTimestamp(now())) < 60 AS is_now,
             toYear(start_time) AS year FROM flow_log.l7_flow_log ORDER BY id LIMIT 3`,
        )
      }),
      { said },
    )
    expect(rows).toEqual([
      { id: 3, is_now: 1, year: 1970 },
      { id: 4, is_now: 1, year: 2255 },
      { id: 5, is_now: 0, year: 2026 },
    ])
    const lines = said.filter((line) => line.includes("rows were changed"))
    expect(lines).toHaveLength(1)
    expect(lines[0]).toContain("2 times that cannot be")
    expect(lines[0]).toContain("agent agent")
  })

  it("stores any characters, any addresses, any numbers", async () => {
    const odd = "\u0000\u0001\u001b[2J\u007f\ufffd\u202e🦊\r\n"
    const rows = await run(
      Effect.gen(function* () {
        const { write } = yield* BatchSink
        const batch = requests(3)
        const { columns } = batch
        for (const text of [columns.request_resource, columns.endpoint, columns.gprocess_0, columns.trace_id])
          text[0] = odd
        columns.attribute_names[0] = [odd, ""]
        columns.attribute_values[0] = ["", odd]
        for (const number of [
          columns.type,
          columns.l7_protocol,
          columns.observation_point,
          columns.signal_source,
          columns.response_status,
          columns.client_port,
          columns.server_port,
          columns.process_id_0,
        ])
          number[0] = 0xffff_ffff
        columns.flow_id[0] = Number.MAX_SAFE_INTEGER
        columns.request_id[0] = Number.MIN_SAFE_INTEGER
        columns.response_duration[0] = NaN
        columns.request_length[0] = -1e300
        columns.ip_0.fill(0xff, 0, 16)
        columns.ip_1.fill(0, 0, 16)
        yield* write(received(1, batch))
        const seconds = metrics()
        seconds.columns.rrt_sum.set([NaN, Infinity, -1e300, 1e300, 0.1])
        yield* write(received(1, seconds))
        return {
          requests: yield* count("flow_log.l7_flow_log"),
          metrics: yield* count("flow_metrics.`application.1s`"),
          odd: yield* query(
            `SELECT request_resource, endpoint, trace_id, attribute_names, attribute_values, auto_service_0, client_port,
               toString(ip6_0) AS client FROM flow_log.l7_flow_log WHERE flow_id = ${Number.MAX_SAFE_INTEGER}`,
          ),
        }
      }),
    )
    expect(rows.requests).toBe(3)
    expect(rows.metrics).toBe(3)
    expect(rows.odd).toEqual([
      {
        request_resource: odd,
        endpoint: odd,
        trace_id: odd,
        attribute_names: [odd, ""],
        attribute_values: ["", odd],
        auto_service_0: odd,
        client_port: 65_535,
        client: "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
      },
    ])
  })

  it("cuts megabytes, and stores 10,000 names of attributes that come in a second", async () => {
    const registry = new StatsRegistry()
    const { row, stats, stored } = await run(
      Effect.gen(function* () {
        const { write } = yield* BatchSink
        const large = requests(2)
        large.columns.request_resource[0] = "x".repeat(1_048_576)
        large.columns.attribute_names[1] = Array.from({ length: 10_000 }, (_, i) => `many-${i}`)
        large.columns.attribute_values[1] = large.columns.attribute_names[1]
        yield* write(received(1, large))
        for (let seq = 2; seq < 12; seq++) {
          const batch = requests(1_000, seq * 1_000)
          for (let row = 0; row < 1_000; row++)
            batch.columns.attribute_names[row] = ["a", `name-${seq}-${row}`]
          yield* write(received(seq, batch))
        }
        const [row] = yield* query(
          `SELECT toUInt32(max(length(request_resource))) AS longest, toUInt32(uniqExactIf(attribute_names[2], attribute_names[2] LIKE 'name-%')) AS names
           FROM flow_log.l7_flow_log`,
        )
        return { row, stored: yield* count("flow_log.l7_flow_log"), stats: registry.snapshot() }
      }),
      { stats: registry },
    )
    expect(row).toEqual({ longest: textMost, names: 10_000 })
    expect(stored).toBe(10_002)
    expect(stats).toMatchObject({
      sonde_ingester_clipped_texts_total: 1,
      sonde_ingester_clipped_attributes_total: 1,
      sonde_ingester_written_rows_total: 10_002,
    })
    expect(stats["sonde_ingester_fields"]).toBeLessThanOrEqual(4_096)
  })

  it("keeps a batch whose table is gone until there is one, and stores others meanwhile", async () => {
    const result = await run(
      Effect.gen(function* () {
        const { write } = yield* BatchSink
        const clickhouse = yield* ClickHouse
        const patience = yield* Patience
        yield* clickhouse.command("DROP TABLE flow_log.l7_flow_log SYNC")
        const waiting = yield* Effect.forkChild(write(received(1, requests(5))))
        while (patience.retries() === 0) yield* Effect.sleep("10 millis")
        yield* write(received(2, metrics()))
        const isWaiting = waiting.pollUnsafe() === undefined
        yield* clickhouse.command(createTable(l7FlowLog, kept))
        yield* Fiber.join(waiting)
        return { isWaiting, stored: yield* count("flow_log.l7_flow_log") }
      }),
    )
    expect(result).toEqual({ isWaiting: true, stored: 5 })
  })

  it("takes any name of an agent for one line of a token", async () => {
    const stats = await run(
      Effect.gen(function* () {
        const { stats, write } = yield* TableWriter
        const named = { ...received(1, requests(1)), agentId: 'a\nb"\ud800\u0000' }
        yield* write(named)
        yield* write(named)
        return stats()
      }),
    )
    expect(stats).toMatchObject({ batchesStored: 1, duplicates: 1 })
  })

  it("leaves requests out only when that is configured, counts them, and says so", async () => {
    const registry = new StatsRegistry()
    const health = new HealthTree()
    const { metricRows, stats, stored } = await run(
      Effect.gen(function* () {
        const { write } = yield* BatchSink
        yield* Effect.forEach([...Array(20).keys()], (seq) => write(received(seq, requests(100, seq * 100))))
        yield* write(received(100, metrics()))
        while (health.view().status === "ok") yield* Effect.sleep("50 millis")
        return {
          stored: yield* count("flow_log.l7_flow_log"),
          metricRows: yield* count("flow_metrics.`application.1s`"),
          stats: registry.snapshot(),
        }
      }),
      { sampleAboveRowsPerSecond: 50, stats: registry, health },
    )
    expect(stored).toBeGreaterThan(0)
    expect(stored + stats["sonde_ingester_sampled_out_rows_total"]!).toBe(2_000)
    expect(stats["sonde_ingester_written_batches_total"]).toBe(21)
    expect(metricRows).toBe(3)
    const part = JSON.stringify(health.view())
    expect(part).toContain("ingest.sampleAboveRowsPerSecond")
  })
})
