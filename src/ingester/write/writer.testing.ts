// For tests: batches in which every text tells its column, and the writer over a real engine with all tables.

import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import { type AnyBatch, type ColumnBatch, makeBatch } from "../../model/ColumnBatch.ts"
import { l7Columns } from "../../model/columns.ts"
import { ClickHouse } from "../../runtime/clickhouse/ClickHouse.ts"
import { Health, HealthTree } from "../../runtime/Health.ts"
import { StatsRegistry, StatsSources } from "../../runtime/metrics.ts"
import { migrate } from "../../tables/migrations/migrate.ts"
import { kept, tablesEngine } from "../../tables/tables.testing.ts"
import { IdAllocator } from "../../tags/IdAllocator.ts"
import { Enricher } from "../enrich/Enricher.ts"
import { AttributeFields } from "../fields/AttributeFields.ts"
import type { BatchSink, ReceivedBatch } from "../receive/BatchSink.ts"
import type { KeptSeconds } from "./filedSeconds.ts"
import { Patience } from "./Patience.ts"
import { TableWriter, type TableWriterOptions } from "./TableWriter.ts"

export const second = 1_790_000_000

const ipv4 = (...bytes: ReadonlyArray<number>) => [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, ...bytes]

/** Every text tells its column, so that a mix-up would show. */
export const requests = (rows: number, from = 0): ColumnBatch<"l7"> => {
  const batch = makeBatch("l7", rows)
  batch.rows = rows
  for (const { name, type } of l7Columns) {
    const data = batch.columns[name] as Array<unknown>
    // Of processes there are few, however many requests they make.
    const different = /^(process_kname|gprocess|container)_/.test(name) ? 4 : Number.POSITIVE_INFINITY
    if (type !== "str") continue
    for (let row = 0; row < rows; row++) data[row] = `${name} ${(from + row) % different}`
  }
  for (let row = 0; row < rows; row++) {
    batch.columns.start_time[row] = (second + ((from + row) % 7)) * 1e6 + 250_000
    batch.columns.end_time[row] = (second + ((from + row) % 7)) * 1e6 + 260_000
    batch.columns.observation_point[row] = row % 2 === 0 ? 41 : 42
    batch.columns.flow_id[row] = from + row
    batch.columns.ip_0.set(
      row % 3 === 0 ? [0x20, 1, ...new Array<number>(13).fill(0), 7] : ipv4(10, 0, 0, 1),
      row * 16,
    )
    batch.columns.ip_1.set(
      row % 3 === 0 ? [0x20, 1, ...new Array<number>(13).fill(0), 8] : ipv4(192, 168, 0, 2),
      row * 16,
    )
    batch.columns.request_id[row] = row % 2 === 0 ? -1 : 9
    batch.columns.response_code[row] = row % 2 === 0 ? 200 : -32768
    batch.columns.request_length[row] = -1
    batch.columns.response_length[row] = 12
    batch.columns.attribute_names[row] = ["a", "b"]
    batch.columns.attribute_values[row] = ["1", "2"]
  }
  return batch
}

export const metrics = (): ColumnBatch<"application"> => {
  const batch = makeBatch("application", 5)
  batch.rows = 5
  for (let row = 0; row < 5; row++) {
    batch.columns.time[row] = row < 3 ? second + row : second - (second % 60)
    batch.columns.interval[row] = row < 3 ? 1 : 60
    batch.columns.role[row] = 1
    batch.columns.ip.set(ipv4(10, 0, 0, 9), row * 16)
    batch.columns.gprocess[row] = "shop"
    batch.columns.endpoint[row] = "/a"
    batch.columns.request[row] = 10 + row
    batch.columns.rrt_max[row] = 100 * (row + 1)
    batch.columns.rrt_sum[row] = 1000.5
    batch.columns.client_error[row] = 1
    batch.columns.server_error[row] = 2
  }
  return batch
}

/** A flow of an HTTP server that this agent saw at both ends, and one over IPv6 that passed by. */
export const flows = (): ColumnBatch<"l4"> => {
  const batch = makeBatch("l4", 2)
  batch.rows = 2
  const { columns } = batch
  for (let row = 0; row < 2; row++) {
    columns.start_time[row] = (second - 30) * 1e6
    columns.end_time[row] = second * 1e6 + 250_000
    columns.duration[row] = 90_250_000
    columns.observation_point[row] = row === 0 ? 4 : 0
    columns.flow_id[row] = 77 + row
    columns.is_new_flow[row] = row
    columns.close_type[row] = row === 0 ? 1 : 5
    columns.protocol[row] = row === 0 ? 6 : 17
    columns.ip_0.set(row === 0 ? ipv4(10, 0, 0, 1) : [0x20, 1, ...new Array<number>(13).fill(0), 7], row * 16)
    columns.ip_1.set(row === 0 ? ipv4(10, 0, 0, 2) : [0x20, 1, ...new Array<number>(13).fill(0), 8], row * 16)
    columns.client_port[row] = 40_000
    columns.server_port[row] = 80
    columns.gprocess_0[row] = row === 0 ? "curl" : ""
    columns.process_kname_0[row] = columns.gprocess_0[row]!
    columns.process_id_0[row] = row === 0 ? 100 : 0
    columns.mac_0[row] = 0x0200_0000_0001
    columns.tunnel_type[row] = row
    columns.tunnel_tx_ip_0.set(row === 0 ? new Uint8Array(16) : ipv4(192, 0, 2, 1), row * 16)
    columns.packet_tx[row] = 4
    columns.packet_rx[row] = 3
    columns.byte_tx[row] = 5_000_000_000
    columns.rtt[row] = 123
    columns.art_sum[row] = 4_000
    columns.art_count[row] = 2
    columns.retrans_tx[row] = 1
  }
  return batch
}

/** Traffic of one second and its minute between a program and an address, seen at both, at one, and at neither. */
export const traffic = (): ColumnBatch<"network"> => {
  const points = [4, 1, 0]
  const batch = makeBatch("network", points.length * 2)
  batch.rows = points.length * 2
  const { columns } = batch
  for (let row = 0; row < batch.rows; row++) {
    const isSecond = row < points.length
    columns.time[row] = isSecond ? second : second - (second % 60)
    columns.interval[row] = isSecond ? 1 : 60
    columns.observation_point[row] = points[row % points.length]!
    columns.protocol[row] = 6
    columns.ip_0.set(ipv4(10, 0, 0, 1), row * 16)
    columns.ip_1.set(ipv4(10, 0, 0, 2), row * 16)
    columns.server_port[row] = 80
    columns.gprocess_0[row] = "curl"
    columns.process_kname_0[row] = "curl"
    columns.process_id_0[row] = 100
    columns.packet_tx[row] = 4
    columns.new_flow[row] = 2
    columns.rtt_max[row] = 9
    columns.server_syn_miss[row] = 1
    columns.server_reset[row] = 2
    columns.client_rst_flow[row] = 3
    columns.tcp_timeout[row] = 4
  }
  return batch
}

export const received = (seq: number, batch: AnyBatch, instance = "life-1"): ReceivedBatch => ({
  agentId: "agent",
  instance,
  seq,
  batch,
})

export const tables = Layer.effectDiscard(migrate(kept))
export const storage = Layer.merge(Enricher.layer(), AttributeFields.layer()).pipe(
  Layer.provide(IdAllocator.oneServer),
  Layer.provideMerge(Patience.layer),
  Layer.provideMerge(tablesEngine()),
)

/** As the tables of tests keep. */
export const keptSeconds: KeptSeconds = {
  l7: kept.log * 3_600,
  l4: kept.log * 3_600,
  application: kept.minutes * 3_600,
  network: kept.minutes * 3_600,
  file: kept.fileEvent * 3_600,
  process: kept.event * 3_600,
  span: kept.log * 3_600,
}

export interface RunOptions extends TableWriterOptions {
  readonly stats?: StatsRegistry
  readonly health?: HealthTree
  /** Gets the lines of the log. */
  readonly said?: Array<string>
}

export const run = <A, E>(
  effect: Effect.Effect<A, E, ClickHouse | Enricher | AttributeFields | Patience | TableWriter | BatchSink>,
  { health = new HealthTree(), said = [], stats = new StatsRegistry(), ...options }: RunOptions = {},
): Promise<A> =>
  Effect.runPromise(
    effect.pipe(
      Effect.provide(TableWriter.layer({ keptSeconds, ...options }).pipe(Layer.provideMerge(storage))),
      Effect.provideService(StatsSources, stats),
      Effect.provideService(Health, health),
      Effect.provide(Logger.layer([Logger.make(({ message }) => void said.push(String(message)))])),
    ),
  )

export const count = (table: string) =>
  Effect.flatMap(ClickHouse, (clickhouse) =>
    Effect.map(clickhouse.query(`SELECT toUInt32(count()) AS n FROM ${table}`), (rows) => Number(rows[0]!.n)),
  )
