// How an agent's `application` batch becomes columns of flow_metrics.`application.1s` and `.1m`: one batch carries rows of both
// intervals, each table gets its own.

import { type ColumnBatch, makeBatch } from "../../model/ColumnBatch.ts"
import { applicationColumns } from "../../model/columns.ts"
import type { NativeColumn } from "../../runtime/clickhouse/native.ts"
import { splitAddresses } from "./addresses.ts"

type Batch = ColumnBatch<"application">

/** The rows of one interval (seconds); the same batch when it holds no others. */
export const rowsOfInterval = (batch: Batch, interval: number): Batch => {
  const chosen: Array<number> = []
  for (let row = 0; row < batch.rows; row++) if (batch.columns.interval[row] === interval) chosen.push(row)
  if (chosen.length === batch.rows) return batch
  const part = makeBatch("application", chosen.length)
  part.rows = chosen.length
  for (const { name, type } of applicationColumns) {
    if (type === "ip") {
      for (let to = 0; to < chosen.length; to++) {
        part.columns[name].set(batch.columns[name].subarray(chosen[to]! * 16, chosen[to]! * 16 + 16), to * 16)
      }
    } else {
      const from = batch.columns[name] as Array<unknown>
      const into = part.columns[name] as Array<unknown>
      for (let to = 0; to < chosen.length; to++) into[to] = from[chosen[to]!]
    }
  }
  return part
}

export const applicationRows = ({ rows, columns }: Batch, agentId: number): ReadonlyArray<NativeColumn> => {
  const { ip4, ip6, isIpv4 } = splitAddresses(columns.ip, rows)
  return [
    { name: "time", type: "DateTime", data: columns.time },
    { name: "role", type: "UInt8", data: columns.role },
    { name: "l7_protocol", type: "UInt8", data: columns.l7_protocol },
    { name: "signal_source", type: "UInt16", data: columns.signal_source },
    { name: "agent_id", type: "UInt16", data: new Uint16Array(rows).fill(agentId) },
    { name: "is_ipv4", type: "UInt8", data: isIpv4 },
    { name: "ip4", type: "IPv4", data: ip4 },
    { name: "ip6", type: "IPv6", data: ip6 },
    { name: "server_port", type: "UInt16", data: columns.server_port },
    { name: "process_id", type: "UInt32", data: columns.process_id },
    { name: "auto_service", type: "String", data: columns.auto_service },
    { name: "app_service", type: "String", data: columns.app_service },
    { name: "app_instance", type: "String", data: columns.app_instance },
    { name: "endpoint", type: "String", data: columns.endpoint },
    { name: "request", type: "UInt64", data: columns.request },
    { name: "response", type: "UInt64", data: columns.response },
    { name: "rrt_max", type: "UInt32", data: columns.rrt_max },
    { name: "rrt_sum", type: "Float64", data: columns.rrt_sum },
    { name: "rrt_count", type: "UInt64", data: columns.rrt_count },
    { name: "client_error", type: "UInt64", data: columns.client_error },
    { name: "server_error", type: "UInt64", data: columns.server_error },
    { name: "timeout", type: "UInt64", data: columns.timeout },
  ]
}
