// The tables that `sonde replay` draws on a terminal.

import { styleText } from "node:util"
import { duration, table } from "../output.ts"
import type { CaptureSummary } from "./CaptureSummary.ts"

export type Printed = Readonly<Record<string, unknown>>

const clock = (us: number): string => new Date(us / 1_000).toISOString().slice(11, 23)

const durationOf = (us: unknown): string => (typeof us === "number" && us > 0 ? duration(us) : "")

export const sessionTable = (rows: ReadonlyArray<Printed>): string =>
  table(
    ["TIME", "PROTOCOL", "CLIENT", "SERVER", "REQUEST", "STATUS", "DURATION"],
    rows.map((row) => [
      clock(Number(row["start_us"])),
      String(row["protocol"]),
      String(row["client"]),
      String(row["server"]),
      `${row["request_type"]} ${row["request_domain"] ?? ""}${row["request_resource"] ?? ""}`,
      row["response_status"] === "ok"
        ? styleText("green", `${row["response_code"] ?? "ok"}`)
        : styleText("red", `${row["response_code"] ?? ""} ${row["response_status"]}`),
      row["rrt_us"] === undefined ? "" : duration(Number(row["rrt_us"])),
    ]),
  )

/** The mean of a delay. */
const mean = (delay: unknown): string => {
  const { count, sum_us } = (delay ?? { count: 0, sum_us: 0 }) as { count: number; sum_us: number }
  return count === 0 ? "" : duration(sum_us / count)
}

export const flowTable = (rows: ReadonlyArray<Printed>): string =>
  table(
    [
      "START",
      "PROTOCOL",
      "CLIENT",
      "SERVER",
      "PACKETS",
      "BYTES",
      "RTT",
      "ART",
      "RETRANS",
      "REQUESTS",
      "CLOSE",
    ],
    rows.map((row) => [
      clock(Number(row["start_us"])),
      `${row["protocol"]}${row["l7_protocol"] === undefined ? "" : ` ${row["l7_protocol"]}`}`,
      `${row["client_ip"]}:${row["client_port"]}`,
      `${row["server_ip"]}:${row["server_port"]}`,
      Number(row["packet_tx"]) + Number(row["packet_rx"]),
      Number(row["byte_tx"]) + Number(row["byte_rx"]),
      durationOf(row["rtt_us"]),
      mean(row["art"]),
      Number(row["retrans_client"] ?? 0) + Number(row["retrans_server"] ?? 0),
      Number(row["l7_request"] ?? 0),
      String(row["close_type"]),
    ]),
  )

const redColumns = ["REQUESTS", "REQ/S", "ERRORS", "TIMEOUTS", "P50", "P95", "MAX"]

type Summary = ReturnType<CaptureSummary["result"]>

const redCells = (row: Summary["services"][number]) => [
  row.requests,
  row.rate === null ? "" : row.rate.toFixed(1),
  row.errors,
  row.timeouts,
  durationOf(row.p50_us),
  durationOf(row.p95_us),
  durationOf(row.max_us),
]

export const summaryTables = (summary: Summary): string => {
  const {
    bytes,
    close_types,
    failed,
    flows,
    packets,
    protocols,
    retransmissions,
    seconds,
    services,
    slowest,
  } = summary
  const parts = [
    `${packets} packets, ${bytes} bytes in ${duration(seconds * 1e6)}; ${flows} flows (${failed} failed), ${retransmissions} retransmissions`,
    table(
      ["FLOWS ENDED", "COUNT"],
      Object.entries(close_types).map(([name, count]) => [name, count]),
    ),
  ]
  if (services.length > 0) {
    parts.push(
      table(
        ["SERVICE", "PROTOCOL", ...redColumns],
        services.map((row) => [row.service, row.protocol, ...redCells(row)]),
      ),
      table(
        ["PROTOCOL", ...redColumns],
        protocols.map((row) => [row.protocol, ...redCells(row)]),
      ),
    )
  }
  if (slowest.length > 0) parts.push(`${styleText("bold", "SLOWEST REQUESTS")}\n${sessionTable(slowest)}`)
  return parts.join("\n\n")
}
