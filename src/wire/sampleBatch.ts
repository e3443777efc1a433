// Batches for tests and benchmarks: rows as real programs make them. Nothing of the running system uses this.

import { randomBytes } from "node:crypto"
import { type ColumnBatch, makeBatch } from "../model/ColumnBatch.ts"

/** Requests as a small shop makes them: half HTTP, half Redis; ids random, the rest repeats. */
export const sampleBatch = (rows: number): ColumnBatch<"l7"> => {
  const batch = makeBatch("l7", rows)
  batch.rows = rows
  const columns = batch.columns
  let startUs = 1_790_000_000_000_000
  for (let row = 0; row < rows; row++) {
    const isHttp = row % 2 === 0
    startUs += Math.floor(Math.random() * 400)
    const duration = Math.floor(200 + Math.random() ** 4 * 50_000)
    columns.start_time[row] = startUs
    columns.end_time[row] = startUs + duration
    columns.response_duration[row] = duration
    columns.type[row] = 2
    columns.l7_protocol[row] = isHttp ? 20 : 80
    columns.observation_point[row] = row % 4 < 2 ? 41 : 42
    columns.signal_source[row] = 3
    columns.protocol[row] = 6
    columns.direction_score[row] = 255
    columns.flow_id[row] = 0x1a2b3c0000 + Math.floor(Math.random() * 64)
    columns.ip_0.set([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 10, 0, 0, 1 + (row % 7)], row * 16)
    columns.ip_1.set([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 10, 0, 1, 1 + (row % 3)], row * 16)
    columns.client_port[row] = 32_768 + Math.floor(Math.random() * 64)
    columns.server_port[row] = isHttp ? 8080 : 6379
    columns.process_id_0[row] = 1000 + (row % 7)
    columns.process_id_1[row] = (isHttp ? 2000 : 2100) + (row % 3)
    columns.process_kname_0[row] = ["nginx", "node", "python3"][(row % 7) % 3]
    columns.process_kname_1[row] = isHttp ? "node" : "redis-server"
    columns.gprocess_0[row] = ["nginx", "shop", "stock"][(row % 7) % 3]
    columns.gprocess_1[row] = isHttp ? "shop" : "redis-server"
    columns.syscall_thread_0[row] = 1000 + (row % 7)
    columns.syscall_thread_1[row] = columns.process_id_1[row]!
    columns.req_tcp_seq[row] = Math.floor(Math.random() * 2 ** 32)
    columns.resp_tcp_seq[row] = Math.floor(Math.random() * 2 ** 32)
    columns.version[row] = isHttp ? "1.1" : ""
    columns.request_type[row] = isHttp ? ["GET", "GET", "POST"][row % 3] : ["GET", "SET", "HGETALL"][row % 3]
    columns.request_domain[row] = isHttp ? "shop.example" : ""
    columns.request_resource[row] = isHttp
      ? `/api/products/${Math.floor(Math.random() * 10_000)}?page=${row % 9}`
      : `${["GET", "SET", "HGETALL"][row % 3]} product:${Math.floor(Math.random() * 10_000)}`
    columns.endpoint[row] = isHttp ? "/api/products" : "product"
    columns.request_id[row] = -1
    columns.response_code[row] = isHttp ? (row % 50 === 0 ? 500 : 200) : 0
    columns.response_status[row] = row % 50 === 0 ? 3 : 0
    columns.request_length[row] = isHttp ? -1 : 40
    columns.response_length[row] = Math.floor(Math.random() * 4000)
    columns.captured_request_byte[row] = 180 + (row % 30)
    columns.captured_response_byte[row] = 900
    if (isHttp) {
      columns.x_request_id_0[row] = randomBytes(16).toString("hex")
      columns.trace_id[row] = randomBytes(16).toString("hex")
      columns.span_id[row] = randomBytes(8).toString("hex")
      columns.attribute_names[row] = ["user_agent"]
      columns.attribute_values[row] = ["Mozilla/5.0 (X11; Linux x86_64)"]
    }
  }
  return batch
}
