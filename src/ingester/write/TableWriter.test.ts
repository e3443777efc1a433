import { execFileSync } from "node:child_process"
import { mkdirSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import { describe, expect, it } from "vitest"
import { l7Columns } from "../../model/columns.ts"
import { ClickHouse } from "../../runtime/clickhouse/ClickHouse.ts"
import { temporaryDirectory } from "../../runtime/clickhouse/testEngine.ts"
import { l7FlowLog } from "../../tables/l7FlowLog.ts"
import { IdAllocator } from "../../tags/IdAllocator.ts"
import { addColumn, storedColumns } from "../../tables/Table.ts"
import { BatchSink } from "../receive/BatchSink.ts"
import { Enricher } from "../enrich/Enricher.ts"
import { AttributeFields } from "../fields/AttributeFields.ts"
import { Patience } from "./Patience.ts"
import { TableWriter } from "./TableWriter.ts"
import {
  count,
  flows,
  keptSeconds,
  metrics,
  received,
  requests,
  run,
  storage,
  tables,
  traffic,
} from "./writer.testing.ts"

describe("TableWriter", () => {
  it("stores requests as they were sent", async () => {
    const rows = await run(
      Effect.gen(function* () {
        const sink = yield* BatchSink
        yield* sink.write(received(1, requests(6)))
        const clickhouse = yield* ClickHouse
        return yield* clickhouse.query(
          `SELECT * EXCEPT (_id), trace_id, span_id, parent_span_id, auto_service_0, auto_service_1, process_kname_0,
             process_kname_1, gprocess_0, gprocess_1, abs(toInt64(bitShiftRight(_id, 32)) - toUnixTimestamp(now())) < 60 AS id_has_time
           FROM flow_log.l7_flow_log ORDER BY flow_id`,
        )
      }),
    )
    expect(rows).toHaveLength(6)
    const [first, next] = rows
    expect(first).toMatchObject({
      time: "2026-09-21 14:13:20",
      start_time: "2026-09-21 14:13:20.250000",
      id_has_time: 1,
      observation_point: "c-p",
      is_ipv4: 0,
      ip4_0: "0.0.0.0",
      ip6_0: "2001::7",
      ip6_1: "2001::8",
      request_id: null,
      response_code: 200,
      request_length: null,
      response_length: "12",
      attribute_names: ["a", "b"],
      attribute_values: ["1", "2"],
    })
    expect(next).toMatchObject({
      observation_point: "s-p",
      is_ipv4: 1,
      ip4_0: "10.0.0.1",
      ip4_1: "192.168.0.2",
      ip6_1: "::",
      request_id: "9",
      response_code: null,
    })
    for (const { name, type } of l7Columns) {
      if (type === "str" && !name.startsWith("container_")) expect(next![name]).toBe(`${name} 1`)
    }
    expect(next).toMatchObject({ auto_service_0: "gprocess_0 1", auto_service_1: "gprocess_1 1" })
    expect(next!.agent_id).toBe(first!.agent_id)
  })

  it("stores metrics by interval and sums the parts of a minute", async () => {
    const { seconds, minutes } = await run(
      Effect.gen(function* () {
        const sink = yield* BatchSink
        yield* sink.write(received(1, metrics()))
        yield* sink.write(received(2, metrics()))
        const clickhouse = yield* ClickHouse
        yield* clickhouse.command("OPTIMIZE TABLE flow_metrics.`application.1m` FINAL")
        return {
          seconds: yield* clickhouse.query(
            "SELECT request, error, toString(ip4) AS ip, auto_service, chost FROM flow_metrics.`application.1s` ORDER BY time, request",
          ),
          minutes: yield* clickhouse.query("SELECT * FROM flow_metrics.`application.1m`"),
        }
      }),
    )
    expect(seconds.map((row) => row.request)).toEqual(["10", "10", "11", "11", "12", "12"])
    // A service with a name needs no address.
    expect(seconds[0]).toMatchObject({ error: "3", ip: "0.0.0.0", auto_service: "shop", chost: "" })
    expect(minutes).toHaveLength(1)
    expect(minutes[0]).toMatchObject({
      request: String(2 * (13 + 14)),
      rrt_max: 500,
      rrt_sum: "4000",
      client_error: "4",
    })
  })

  it("stores flows as they were sent", async () => {
    const rows = await run(
      Effect.gen(function* () {
        const sink = yield* BatchSink
        yield* sink.write(received(1, flows()))
        const clickhouse = yield* ClickHouse
        return yield* clickhouse.query(
          "SELECT *, packet, auto_service_0, auto_service_1 FROM flow_log.l4_flow_log ORDER BY flow_id",
        )
      }),
    )
    expect(rows).toHaveLength(2)
    expect(rows[0]).toMatchObject({
      time: "2026-09-21 14:13:20",
      start_time: "2026-09-21 14:12:50.000000",
      end_time: "2026-09-21 14:13:20.250000",
      duration: "90250000",
      observation_point: "local",
      flow_id: "77",
      is_new_flow: 0,
      close_type: 1,
      protocol: 6,
      is_ipv4: 1,
      ip4_0: "10.0.0.1",
      ip4_1: "10.0.0.2",
      client_port: 40_000,
      process_id_0: 100,
      mac_0: String(0x0200_0000_0001),
      packet: "7",
      byte_tx: "5000000000",
      rtt: 123,
      art_sum: "4000",
      art_count: "2",
      retrans_tx: 1,
      tunnel_is_ipv4: 0,
      tunnel_tx_ip4_0: "0.0.0.0",
      auto_service_0: "curl",
      auto_service_1: "10.0.0.2:80",
    })
    expect(rows[1]).toMatchObject({
      observation_point: "rest",
      close_type: 5,
      is_ipv4: 0,
      ip4_0: "0.0.0.0",
      ip6_1: "2001::8",
      auto_service_1: "[2001::8]:80",
      tunnel_type: 1,
      tunnel_is_ipv4: 1,
      tunnel_tx_ip4_0: "192.0.2.1",
      tunnel_tx_ip6_0: "::",
    })
  })

  it("stores metrics of the network between two sides, and of each side at which they were seen", async () => {
    const { map, sides, minutes } = await run(
      Effect.gen(function* () {
        const sink = yield* BatchSink
        yield* sink.write(received(1, traffic()))
        const clickhouse = yield* ClickHouse
        return {
          map: yield* clickhouse.query(
            "SELECT *, auto_service_0, auto_service_1 FROM flow_metrics.`network_map.1s` ORDER BY observation_point",
          ),
          sides: yield* clickhouse.query(
            "SELECT role, count() AS rows, any(auto_service) AS service, sum(packet_tx) AS packets FROM flow_metrics.`network.1s` GROUP BY role ORDER BY role",
          ),
          minutes: yield* clickhouse.query(
            "SELECT sum(packet_tx) AS packets, max(rtt_max) AS rtt FROM flow_metrics.`network_map.1m`",
          ),
        }
      }),
    )
    expect(map.map((row) => row["observation_point"])).toEqual(["c", "local", "rest"])
    expect(map[0]).toMatchObject({
      auto_service_0: "curl",
      auto_service_1: "10.0.0.2:80",
      // Only a side without a name needs its address.
      ip4_0: "0.0.0.0",
      ip4_1: "10.0.0.2",
      is_ipv4: 1,
      packet_tx: "4",
      new_flow: "2",
      rtt_max: 9,
      server_establish_fail: "3",
      client_establish_fail: "0",
      tcp_rst_fail: "5",
      tcp_transfer_fail: "7",
    })
    expect(sides).toEqual([
      { role: 0, rows: "2", service: "curl", packets: "8" },
      { role: 1, rows: "1", service: "10.0.0.2:80", packets: "4" },
    ])
    expect(minutes).toEqual([{ packets: "12", rtt: 9 }])
  })

  it("stores a batch once, however often and on however many connections it comes", async () => {
    const result = await run(
      Effect.gen(function* () {
        const writer = yield* TableWriter
        const batch = received(7, requests(50))
        yield* Effect.all([writer.write(batch), writer.write(batch), writer.write(batch)], { concurrency: 3 })
        yield* writer.write(batch)
        // A server that was started anew knows nothing: ClickHouse's own window does.
        yield* Effect.provide(
          Effect.flatMap(TableWriter, (other) => other.write(batch)),
          Layer.fresh(TableWriter.layer({ keptSeconds })),
        )
        const once = yield* count("flow_log.l7_flow_log")
        yield* writer.write(received(7, requests(50), "life-2"))
        return { once, twice: yield* count("flow_log.l7_flow_log"), stats: { ...writer.stats() } }
      }),
    )
    expect(result.once).toBe(50)
    expect(result.twice).toBe(100)
    expect(result.stats).toMatchObject({ batchesStored: 2, rowsStored: 100, duplicates: 3, pendingRows: 0 })
  })

  it("stores and recognises a batch that reaches over the border of two partitions", async () => {
    const batch = requests(40)
    for (let row = 0; row < 40; row++) batch.columns.start_time[row]! += (row % 4) * 3.6e9
    const counts = await run(
      Effect.gen(function* () {
        const sink = yield* BatchSink
        yield* sink.write(received(1, batch))
        const once = yield* count("flow_log.l7_flow_log")
        yield* Effect.provide(
          Effect.flatMap(TableWriter, (other) => other.write(received(1, batch))),
          Layer.fresh(TableWriter.layer({ keptSeconds })),
        )
        return { once, twice: yield* count("flow_log.l7_flow_log") }
      }),
    )
    expect(counts).toEqual({ once: 40, twice: 40 })
  })

  it("refuses a batch whose times are all over the place for good, instead of trying for ever", async () => {
    const batch = requests(300)
    for (let row = 0; row < 300; row++) batch.columns.start_time[row]! += row * 3.6e9
    const stats = await run(
      Effect.gen(function* () {
        const writer = yield* TableWriter
        yield* writer.write(received(1, batch))
        return { ...writer.stats(), retries: (yield* Patience).retries() }
      }),
    )
    expect(stats).toMatchObject({ deadLetterRows: 300, retries: 0 })
  })

  it("fails a batch that is not well formed and lives on", async () => {
    const broken = requests(3)
    ;(broken.columns as Record<string, unknown>).version = []
    const [error, stored] = await run(
      Effect.gen(function* () {
        const sink = yield* BatchSink
        const error = yield* Effect.flip(sink.write(received(1, broken)))
        yield* sink.write(received(2, requests(3)))
        return [error, yield* count("flow_log.l7_flow_log")] as const
      }),
    )
    expect(error).toMatchObject({ _tag: "WriteError", retriable: false })
    expect(stored).toBe(3)
  })

  it("stores what it has taken in before it ends", async () => {
    const stored = await Effect.runPromise(
      Effect.gen(function* () {
        yield* Effect.gen(function* () {
          const writer = yield* TableWriter
          yield* Effect.forEach([1, 2, 3, 4, 5, 6, 7, 8], (seq) =>
            Effect.forkChild(writer.write(received(seq, requests(100)))),
          )
          while (writer.stats().pendingRows < 800) yield* Effect.sleep("1 millis")
        }).pipe(Effect.provide(TableWriter.layer({ keptSeconds })))
        return yield* count("flow_log.l7_flow_log")
      }).pipe(Effect.provide(storage)),
    )
    expect(stored).toBe(800)
  })

  it("keeps what ClickHouse refuses as a dead letter that can be read back", async () => {
    const result = await run(
      Effect.gen(function* () {
        const clickhouse = yield* ClickHouse
        const writer = yield* TableWriter
        yield* clickhouse.command("ALTER TABLE flow_log.l7_flow_log DROP COLUMN version")
        yield* writer.write(received(1, requests(3)))
        const stored = yield* count("flow_log.l7_flow_log")
        const [letter] = yield* clickhouse.query(
          "SELECT * EXCEPT (time), hex(block) AS block FROM sonde.dead_letter",
        )
        yield* clickhouse.command(addColumn(l7FlowLog, "version"))
        yield* clickhouse.insertNative(
          "flow_log.l7_flow_log",
          storedColumns(l7FlowLog),
          Buffer.from(String(letter!.block), "hex"),
        )
        const replayed = yield* count("flow_log.l7_flow_log")
        return { stored, letter, replayed, stats: { ...writer.stats() } }
      }),
    )
    expect(result.stored).toBe(0)
    expect(result.letter).toMatchObject({
      table: "flow_log.`l7_flow_log`",
      batch: "agent:life-1:l7:1",
      rows: 3,
      code: 16,
    })
    expect(result.replayed).toBe(3)
    expect(result.stats).toMatchObject({
      deadLetterBatches: 1,
      deadLetterRows: 3,
      rowsStored: 0,
      batchesStored: 1,
    })
  })

  it("makes batches wait when too many rows are under way", async () => {
    const most = await Effect.runPromise(
      Effect.gen(function* () {
        const writer = yield* TableWriter
        let most = 0
        const watch = yield* Effect.forkChild(
          Effect.forever(
            Effect.sync(() => (most = Math.max(most, writer.stats().pendingRows))).pipe(
              Effect.andThen(Effect.sleep(1)),
            ),
          ),
        )
        yield* Effect.forEach([...Array(20).keys()], (seq) => writer.write(received(seq, requests(100))), {
          concurrency: 20,
        })
        yield* Fiber.interrupt(watch)
        expect(yield* count("flow_log.l7_flow_log")).toBe(2_000)
        return most
      }).pipe(
        Effect.provide(
          TableWriter.layer({ maxPendingRows: 300, keptSeconds }).pipe(Layer.provideMerge(storage)),
        ),
      ),
    )
    expect(most).toBeGreaterThan(0)
    expect(most).toBeLessThanOrEqual(300)
  })

  it.runIf(process.getuid?.() === 0)(
    "acknowledges nothing while the disk is full, and goes on when it is not",
    async () => {
      const said: Array<string> = []
      const listener = Logger.make(({ message }) => {
        said.push(String(message))
      })
      const smallDisk = Effect.gen(function* () {
        const directory = join(yield* temporaryDirectory, "disk")
        mkdirSync(directory)
        yield* Effect.acquireRelease(
          Effect.sync(() => execFileSync("mount", ["-t", "tmpfs", "-o", "size=128m", "tmpfs", directory])),
          () => Effect.sync(() => execFileSync("umount", ["-l", directory])),
        )
        return directory
      })
      await Effect.runPromise(
        Effect.gen(function* () {
          const directory = yield* smallDisk
          const ballast = join(directory, "ballast")
          const program = Effect.gen(function* () {
            const writer = yield* TableWriter
            const patience = yield* Patience
            yield* writer.write(received(0, requests(10)))
            try {
              for (let size = 2 ** 20; size > 0; size = size >> 1) {
                try {
                  for (;;) writeFileSync(ballast, Buffer.alloc(size), { flag: "a" })
                } catch {}
              }
              let done = 0
              const writing = yield* Effect.forkChild(
                Effect.forEach([1, 2, 3], (seq) =>
                  writer
                    .write(received(seq, requests(100, seq * 100)))
                    .pipe(Effect.andThen(Effect.sync(() => done++))),
                ),
              )
              while (patience.retries() < 3) yield* Effect.sleep("10 millis")
              expect(done).toBe(0)
              rmSync(ballast)
              yield* Fiber.join(writing)
            } finally {
              rmSync(ballast, { force: true })
            }
            expect(yield* count("flow_log.l7_flow_log")).toBe(310)
            expect(writer.stats().deadLetterBatches).toBe(0)
          })
          const engine = Layer.merge(Enricher.layer(), AttributeFields.layer()).pipe(
            Layer.provide(IdAllocator.oneServer),
            Layer.provideMerge(Patience.layer),
            Layer.provideMerge(tables),
            Layer.provideMerge(ClickHouse.embedded({ directory: join(directory, "db") })),
          )
          yield* Effect.provide(program, TableWriter.layer({ keptSeconds }).pipe(Layer.provideMerge(engine)))
        }).pipe(Effect.scoped, Effect.provide(Logger.layer([listener]))),
      )
      expect(said.filter((line) => line.includes("disk is full"))).toHaveLength(1)
    },
    30_000,
  )

  it("loses nothing acknowledged and doubles nothing when the engine is killed again and again", async () => {
    const batches = 120
    const result = await run(
      Effect.gen(function* () {
        const clickhouse = yield* ClickHouse
        const writer = yield* TableWriter
        const killer = yield* Effect.forkChild(
          Effect.gen(function* () {
            while (clickhouse.server().restarts < 4) {
              yield* Effect.sleep("120 millis")
              const { pid } = clickhouse.server()
              if (pid > 0) process.kill(pid, "SIGKILL")
              const before = clickhouse.server().restarts
              while (clickhouse.server().restarts === before) yield* Effect.sleep("5 millis")
            }
          }),
        )
        yield* Effect.forEach(
          [...Array(batches).keys()],
          (seq) =>
            writer
              .write(received(seq, requests(500, seq * 500)))
              .pipe(Effect.andThen(Effect.sleep("10 millis"))),
          { concurrency: 3 },
        )
        yield* Fiber.join(killer)
        yield* Effect.sleep("300 millis").pipe(Effect.andThen(clickhouse.ping), Effect.eventually)
        const [row] = yield* clickhouse.query(
          "SELECT toUInt32(count()) AS n, toUInt32(uniqExact(flow_id)) AS different FROM flow_log.l7_flow_log",
        )
        return { row, restarts: clickhouse.server().restarts, retries: (yield* Patience).retries() }
      }),
    )
    expect(result.row).toEqual({ n: batches * 500, different: batches * 500 })
    expect(result.restarts).toBeGreaterThanOrEqual(4)
    expect(result.retries).toBeGreaterThan(0)
  }, 60_000)
})
