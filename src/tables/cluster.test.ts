import { createServer } from "node:net"
import { join } from "node:path"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import { describe, expect, it } from "vitest"
import { ClickHouse } from "../runtime/clickhouse/ClickHouse.ts"
import { temporaryDirectory } from "../runtime/clickhouse/testEngine.ts"
import { application } from "./applicationMetrics.ts"
import { createDistributed, storedTable, storedView } from "./cluster.ts"
import { allTables } from "./databases.ts"
import { createView } from "./MaterializedView.ts"
import { migrate } from "./migrations/migrate.ts"
import { migrations } from "./migrations/migrations.ts"
import { migrationsTable } from "./sondeTables.ts"
import { column, createTable, type Table } from "./Table.ts"
import { recordTable } from "./tagTables.ts"

const table: Table = {
  database: "d",
  name: "t",
  comment: "Things",
  engine: "ReplacingMergeTree(v)",
  orderBy: ["a"],
  retention: "log",
  placement: { shardBy: "cityHash64(a)" },
  settings: { index_granularity: 8192, non_replicated_deduplication_window: 7 },
  columns: [
    column("time", "DateTime", "When."),
    column("a", "UInt8", "It."),
    column("v", "UInt8", "Version."),
  ],
}

describe("tables on a cluster", () => {
  const replicated = { name: "main", isReplicated: true }
  const plain = { name: "main", isReplicated: false }

  it("are replicated where there is a Keeper", () => {
    expect(createTable(storedTable(table, replicated), {})).toBe(`CREATE TABLE IF NOT EXISTS d.\`t_local\`
(
  \`time\` DateTime COMMENT 'When.',
  \`a\` UInt8 COMMENT 'It.',
  \`v\` UInt8 COMMENT 'Version.'
)
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/d/t', '{replica}', v)
ORDER BY (a)
TTL time + toIntervalHour(72)
SETTINGS index_granularity = 8192, replicated_deduplication_window = 7
COMMENT 'Things'`)
    expect(createDistributed(table, replicated)).toBe(`CREATE TABLE IF NOT EXISTS d.\`t\` AS d.\`t_local\`
ENGINE = Distributed('main', 'd', 't_local', cityHash64(a))
COMMENT 'Things'`)
  })

  it("are local without one", () => {
    expect(storedTable(table, plain)).toEqual({ ...table, name: "t_local" })
    expect(storedTable(table, undefined)).toBe(table)
    expect(createDistributed(table, undefined)).toBeUndefined()
  })

  it("that everybody needs are whole on each server", () => {
    expect(storedTable(recordTable, replicated)).toMatchObject({
      name: "record",
      engine:
        "ReplicatedReplacingMergeTree('/clickhouse/tables/everywhere/flow_tag/record', '{shard}-{replica}', revision)",
    })
    expect(storedTable(recordTable, plain)).toEqual(recordTable)
    expect(createDistributed(recordTable, replicated)).toBeUndefined()
    expect(storedTable(migrationsTable, replicated)).toBe(migrationsTable)
  })

  it("all have a replicated form", () => {
    for (const one of allTables)
      if (one.placement !== "node")
        expect(storedTable(one, replicated).engine).toMatch(
          /^Replicated\w*MergeTree\('.*'\{.*\}'|^Replicated/,
        )
  })

  it("are summed up on each server", () => {
    const [view] = application.views
    const sql = createView(storedView(view!, plain))
    expect(sql).toContain("TO flow_metrics.`application.1h_local` AS")
    expect(sql).toContain("FROM flow_metrics.`application.1m_local` AS source")
  })
})

const freePort = Effect.callback<number>((resume) => {
  const server = createServer().listen(0, "127.0.0.1", () => {
    const { port } = server.address() as { port: number }
    server.close(() => resume(Effect.succeed(port)))
  })
})

describe("two engines", () => {
  it("hold one table together", { timeout: 60_000 }, async () => {
    const program = Effect.gen(function* () {
      const shards = [yield* freePort, yield* freePort]
      const directory = yield* temporaryDirectory
      const nodes: Array<Context.Service.Shape<typeof ClickHouse>> = []
      for (const tcpPort of shards) {
        const services = yield* Layer.build(
          ClickHouse.embedded({
            directory: join(directory, String(tcpPort)),
            memoryMiB: 700,
            cluster: { name: "both", tcpPort, shards },
          }),
        )
        nodes.push(Context.get(services, ClickHouse))
      }
      const kept = { log: 87_600, seconds: 87_600, minutes: 87_600, hours: 87_600, days: 87_600 }
      for (const node of nodes) {
        const migrated = migrate(kept, { cluster: { name: "both", isReplicated: false } }).pipe(
          Effect.provideService(ClickHouse, node),
        )
        expect(yield* migrated).toEqual({ from: 0, to: migrations.length })
        expect(yield* migrated).toEqual({ from: migrations.length, to: migrations.length })
        // What everybody needs is written to each.
        yield* node.command(
          "INSERT INTO flow_tag.resource (id, auto_service) VALUES (1, 'cart'), (2, 'shop')",
        )
        yield* node.command("SYSTEM RELOAD DICTIONARY flow_tag.resource_map")
      }
      const [one, other] = nodes as [(typeof nodes)[0], (typeof nodes)[0]]
      yield* one.command(
        `INSERT INTO flow_log.l7_flow_log (time, _id, _trace_id, flow_id, resource_id_1)
         SELECT 1790000000, number, if(number < 50, toFixedString(toString(10 + number % 10), 16), toFixedString('', 16)), number, 1 + number % 2
         FROM numbers(100)`,
        {},
        { distributed_foreground_insert: 1 },
      )
      yield* one.command(
        "INSERT INTO flow_metrics.`application.1m` (time, resource_id, request) SELECT 1790000000, 1 + number, 1 FROM numbers(20)",
        {},
        { distributed_foreground_insert: 1 },
      )
      const counts =
        "SELECT auto_service_1 AS service, count() AS n FROM flow_log.l7_flow_log GROUP BY service ORDER BY service"
      const expected = [
        { service: "cart", n: "50" },
        { service: "shop", n: "50" },
      ]
      expect(yield* one.query(counts)).toEqual(expected)
      expect(yield* other.query(counts)).toEqual(expected)
      expect(yield* other.query("SELECT sum(request) AS n FROM flow_metrics.`application.1h`")).toEqual([
        { n: "20" },
      ])
      const local = "SELECT count() AS n, uniqExact(trace_id) AS traces FROM flow_log.l7_flow_log_local"
      const parts = [(yield* one.query(local))[0]!, (yield* other.query(local))[0]!]
      for (const part of parts) expect(Number(part.n)).toBeGreaterThan(10)
      expect(Number(parts[0]!.n) + Number(parts[1]!.n)).toBe(100)
      // No trace is on both: 10 traces, and on each side those without one.
      expect(Number(parts[0]!.traces) + Number(parts[1]!.traces)).toBe(12)
      expect(
        yield* one.query("SELECT count() AS n, uniqExact(search_index) AS traces FROM flow_log.id_index"),
      ).toEqual([{ n: "10", traces: "10" }])
      // A question to one server finds what is on the other, through the index of both.
      expect(
        yield* one.query(
          `SELECT uniqExact(_shard_num) AS servers FROM flow_log.l7_flow_log
           WHERE time GLOBAL IN (SELECT time FROM flow_log.id_index) AND _trace_id != toFixedString('', 16)`,
        ),
      ).toEqual([{ servers: "2" }])
    })
    await Effect.runPromise(program.pipe(Effect.scoped, Effect.provide(Logger.layer([]))))
  })
})
