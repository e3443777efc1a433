// What Sonde stored of a scenario: the rows that carry marks.

import { setTimeout as sleep } from "node:timers/promises"
import { type Sonde, until } from "../system/support/Sonde.ts"
import { markOf, requestIn } from "./marks.ts"
import type { Hop } from "./Scenario.ts"
import type { SeenRow } from "./score.ts"

const portsOf = (hops: ReadonlyArray<Hop>): string =>
  [...new Set(hops.flatMap(({ calls, port }) => [port, ...calls.map((call) => call.port)]))].join()

const isMarked = "observation_point IN ('c-p', 's-p') AND match(request_resource, 'q[0-9]{7}z')"

/** Rows of these ports as both sides saw them, since a second of 1970. */
export const seenRows = async (
  sonde: Sonde,
  hops: ReadonlyArray<Hop>,
  sinceS: number,
): Promise<ReadonlyArray<SeenRow>> => {
  const rows = await sonde.sql(
    `SELECT toString(_id) AS id, agent_id, toString(observation_point) AS point, server_port, client_port, request_type, request_resource,
       if(point = 'c-p', process_id_0, process_id_1) AS process,
       toString(syscall_trace_id_request) AS request_link, toString(syscall_trace_id_response) AS response_link,
       toUnixTimestamp64Micro(start_time) AS start_us, toUnixTimestamp64Micro(end_time) AS end_us
     FROM flow_log.l7_flow_log WHERE time >= toDateTime(${sinceS - 1}) AND server_port IN (${portsOf(hops)}) AND ${isMarked}
     ORDER BY start_time, _id LIMIT 100000`,
  )
  return rows.flatMap((row): ReadonlyArray<SeenRow> => {
    const text = String(row["request_resource"])
    const request = requestIn(text)
    if (request === undefined) return []
    return [
      {
        id: String(row["id"]),
        agent: Number(row["agent_id"]),
        point: row["point"] as SeenRow["point"],
        port: Number(row["server_port"]),
        process: Number(row["process"]),
        request,
        type: String(row["request_type"]),
        requestLink: String(row["request_link"]),
        responseLink: String(row["response_link"]),
        startUs: Number(row["start_us"]),
        endUs: Number(row["end_us"]),
        clientPort: Number(row["client_port"]),
        text,
      },
    ]
  })
}

const lateSeconds = 60
const afterMs = 700

/** Waits until the rows of a request are stored that was made last: then those of all before it are, too. */
export const settle = async (sonde: Sonde, port: number, sinceS: number, last: number): Promise<void> => {
  await until(
    `the last request of port ${port} is stored`,
    () =>
      sonde.sql(
        `SELECT count() AS n FROM flow_log.l7_flow_log WHERE time >= toDateTime(${sinceS - 1})
           AND server_port = ${port} AND request_resource LIKE '%${markOf(last)}%'`,
      ),
    ([row]) => Number(row!["n"]) > 0,
    lateSeconds,
  )
  // Its other rows, of the ends that learn of the answer later, may be in the next batch.
  await sleep(afterMs)
}
