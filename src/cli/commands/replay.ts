// `sonde replay FILE`: the requests of a capture file, through the same pipeline as live packets.

import * as Effect from "effect/Effect"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import { styleText } from "node:util"
import { packetStreams } from "../../agent/capture/packetStreams.ts"
import { readPcap } from "../../agent/capture/pcap/readPcap.ts"
import { flowRecord } from "../../agent/flow/tcp/flowRecord.ts"
import { PacketFlows } from "../../agent/flow/tcp/PacketFlows.ts"
import { sessionRecord } from "../../agent/flow/sessionRecord.ts"
import { Pipeline } from "../../agent/Pipeline.ts"
import { neutralMessage } from "../../agent/protocol/neutral.ts"
import { fail, json } from "../options.ts"
import { duration, print, printJson, table } from "../output.ts"

type Printed = Readonly<Record<string, unknown>>

const clock = (us: number): string => new Date(us / 1_000).toISOString().slice(11, 23)

const sessionTable = (rows: ReadonlyArray<Printed>): string =>
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

const flowTable = (rows: ReadonlyArray<Printed>): string =>
  table(
    ["START", "PROTOCOL", "CLIENT", "SERVER", "PACKETS", "BYTES", "RTT", "CLOSE"],
    rows.map((row) => [
      clock(Number(row["start_us"])),
      String(row["protocol"]),
      `${row["client_ip"]}:${row["client_port"]}`,
      `${row["server_ip"]}:${row["server_port"]}`,
      Number(row["packet_tx"]) + Number(row["packet_rx"]),
      Number(row["byte_tx"]) + Number(row["byte_rx"]),
      row["rtt_us"] === undefined ? "" : duration(Number(row["rtt_us"])),
      String(row["close_type"]),
    ]),
  )

/** Rows a terminal table holds back for its column widths; beyond, and elsewhere, lines are printed as they come. */
const tableRows = 5_000

export const replay = Command.make(
  "replay",
  {
    file: Argument.String("file").pipe(
      Argument.withDescription("pcap or pcapng, also gzip-compressed; - for standard input"),
    ),
    messages: Flag.Boolean("messages").pipe(
      Flag.withDescription("Print each message instead of requests with their responses"),
      Flag.withDefault(false),
    ),
    flows: Flag.Boolean("flows").pipe(
      Flag.withDescription("Print the TCP and UDP flows instead"),
      Flag.withDefault(false),
    ),
    raw: Flag.Boolean("raw").pipe(
      Flag.withDescription("Do not replace values in commands by ?"),
      Flag.withDefault(false),
    ),
    duplicates: Flag.Boolean("duplicates").pipe(
      Flag.withDescription(
        "Count a packet as often as it was captured, on several interfaces or by a mirror port",
      ),
      Flag.withDefault(false),
    ),
    json,
  },
  Effect.fnUntraced(function* ({ duplicates, file, flows: wantsFlows, json, messages: wantsMessages, raw }) {
    if (wantsFlows && wantsMessages) return yield* fail("--messages and --flows exclude each other")
    const isTable = !json && !wantsMessages && process.stdout.isTTY
    const held: Array<Printed> = []
    let count = 0
    const emit = (row: Printed): void => {
      count++
      if (isTable && held.length < tableRows) held.push(row)
      else printJson(row)
    }
    const pipeline = new Pipeline({
      maskLiterals: !raw,
      sessionTimeoutUs: 120_000_000,
      maxConnections: 1_048_576,
      flowIdSeed: 0,
      emit: () => undefined,
      onSession: (session, connection) => {
        if (!wantsFlows && !wantsMessages) emit(sessionRecord(session, connection))
      },
      onMessage: (message) => {
        if (wantsMessages) emit({ i: count, ...neutralMessage(message) })
      },
    })
    const packets = new PacketFlows({
      consumer: packetStreams({ connections: pipeline.connections }),
      keepsCopies: duplicates,
      onFlowEnd: (flow) => {
        if (wantsFlows) emit(flowRecord(flow))
      },
    })
    let nowUs = 0
    const summary = yield* readPcap(file === "-" ? process.stdin : file, (packet) => {
      if (packet.timeUs > nowUs) nowUs = packet.timeUs
      pipeline.tick(nowUs)
      packets.add(
        packet.bytes,
        packet.start,
        packet.end,
        packet.originalLength,
        packet.linkType,
        packet.timeUs,
        packet.interfaceIndex,
      )
    }).pipe(Effect.mapError((error) => fail(error.message)))
    packets.endAll()
    pipeline.end(nowUs)
    if (isTable && held.length > 0) print(wantsFlows ? flowTable(held) : sessionTable(held))
    for (const warning of summary.warnings)
      process.stderr.write(`${styleText("yellow", "warning")} ${warning}\n`)
    if (!json && process.stderr.isTTY) {
      const what = wantsFlows ? "flows" : wantsMessages ? "messages" : "requests"
      process.stderr.write(
        styleText("dim", `${count} ${what} in ${summary.packets} packets (${summary.format})\n`),
      )
    }
  }),
).pipe(
  Command.withDescription("Print the requests, messages or flows of a capture file"),
  Command.withExamples([
    { command: "sonde replay capture.pcap", description: "Requests with their responses" },
    { command: "sonde replay --flows --json capture.pcapng.gz", description: "One JSON object a flow" },
  ]),
)
