// Traces whose rows, and whose entries in the index, are spread over two servers: a question to either finds all of them.

import { createServer } from "node:net"
import { join } from "node:path"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import { expect, it } from "vitest"
import { ClickHouse } from "../../runtime/clickhouse/ClickHouse.ts"
import { temporaryDirectory } from "../../runtime/clickhouse/testEngine.ts"
import { migrate } from "../../tables/migrations/migrate.ts"
import { clickHouseStore } from "../store/clickHouseStore.ts"
import { traceList } from "./list/traceList.ts"
import { traceOf } from "./traceOf.ts"

const second = 1_790_000_000
const id = (n: number): string => String((BigInt(second) << 32n) + BigInt(n))

/** Both ends of six calls, each made for the one before; rows of flows of their own, by which they are spread. */
const rows = Array.from({ length: 12 }, (_, n) => {
  const [call, end] = [n >> 1, n & 1]
  return {
    _id: id(n),
    time: second,
    start_time: second * 1e6 + call * 100 + end,
    end_time: second * 1e6 + 9_000 - call * 100 - end,
    agent_id: 1,
    observation_point: end === 0 ? "c-p" : "s-p",
    type: 2,
    l7_protocol: 20,
    protocol: 6,
    is_ipv4: 1,
    client_port: 5,
    server_port: 80,
    flow_id: n * 7_919,
    process_id_0: call + 1,
    process_id_1: call + 2,
    syscall_trace_id_request: call + end,
    req_tcp_seq: 100 + call,
    resp_tcp_seq: 200 + call,
    endpoint: `/${call}`,
  }
})

const freePort = Effect.callback<number>((resume) => {
  const server = createServer()
  server.listen(0, "127.0.0.1", () => {
    const address = server.address()
    server.close(() =>
      resume(
        typeof address === "object" && address !== null
          ? Effect.succeed(address.port)
          : Effect.die("no port"),
      ),
    )
  })
})

it("traces are found on all servers of a cluster", { timeout: 120_000 }, async () => {
  const program = Effect.gen(function* () {
    const shards = [yield* freePort, yield* freePort]
    const directory = yield* temporaryDirectory
    const nodes = yield* Effect.forEach(shards, (tcpPort) =>
      Effect.map(
        Layer.build(
          ClickHouse.embedded({
            directory: join(directory, String(tcpPort)),
            memoryMiB: 700,
            cluster: { name: "both", tcpPort, shards },
          }),
        ),
        (services) => Context.get(services, ClickHouse),
      ),
    )
    for (const node of nodes)
      yield* migrate({ log: 87_600 }, { cluster: { name: "both", isReplicated: false } }).pipe(
        Effect.provideService(ClickHouse, node),
      )
    yield* nodes[0]!.command(
      `INSERT INTO flow_log.l7_flow_log FORMAT JSONEachRow\n${rows.map((row) => JSON.stringify(row)).join("\n")}`,
      {},
      { distributed_foreground_insert: 1 },
    )
    for (const node of nodes) {
      const [local] = yield* node.query("SELECT count() AS n FROM flow_log.l7_flow_log_local")
      expect(Number(local!.n)).toBeGreaterThan(0)
      const asked = <A, E, R>(question: Effect.Effect<A, E, R>) =>
        question.pipe(Effect.provide(clickHouseStore), Effect.provideService(ClickHouse, node))
      const trace = yield* asked(traceOf({ rowId: id(5) }))
      expect(trace!.spans.map((span) => span.id)).toEqual(rows.map((row) => row._id))
      const list = yield* asked(
        traceList(new URLSearchParams({ from: `${second - 1}000000`, to: `${second + 9}000000` })),
      )
      expect(list.traces.map(({ name }) => name)).toEqual(["/0"])
    }
  })
  await Effect.runPromise(program.pipe(Effect.scoped, Effect.provide(Logger.layer([]))))
})
