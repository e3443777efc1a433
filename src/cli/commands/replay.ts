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
import { print, printJson } from "../output.ts"
import { CaptureSummary } from "../replay/CaptureSummary.ts"
import { flowTable, type Printed, sessionTable, summaryTables } from "../replay/replayTables.ts"

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
      Flag.withDescription("Print the TCP, UDP and ICMP flows instead"),
      Flag.withDefault(false),
    ),
    summary: Flag.Boolean("summary").pipe(
      Flag.withDescription(
        "Print what it comes down to: services, protocols, rates, errors, durations, the slowest requests",
      ),
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
  Effect.fnUntraced(function* ({
    duplicates,
    file,
    flows: wantsFlows,
    json,
    messages: wantsMessages,
    raw,
    summary: wantsSummary,
  }) {
    if ([wantsFlows, wantsMessages, wantsSummary].filter(Boolean).length > 1)
      return yield* fail("--messages, --flows and --summary exclude each other")
    const isTable = !json && !wantsMessages && process.stdout.isTTY
    const wantsRequests = !wantsFlows && !wantsMessages && !wantsSummary
    const captured = new CaptureSummary()
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
        if (wantsRequests) emit(sessionRecord(session, connection))
        else if (wantsSummary) captured.session(session, connection)
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
        else if (wantsSummary) captured.flow(flow)
      },
    })
    let nowUs = 0
    const summary = yield* readPcap(file === "-" ? process.stdin : file, (packet) => {
      if (packet.timeUs > nowUs) nowUs = packet.timeUs
      pipeline.tick(nowUs)
      captured.packet(packet.timeUs, packet.originalLength)
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
    if (wantsSummary) {
      if (json) printJson(captured.result())
      else print(summaryTables(captured.result()))
    } else if (isTable && held.length > 0) print(wantsFlows ? flowTable(held) : sessionTable(held))
    for (const warning of summary.warnings)
      process.stderr.write(`${styleText("yellow", "warning")} ${warning}\n`)
    if (!json && !wantsSummary && process.stderr.isTTY) {
      const what = wantsFlows ? "flows" : wantsMessages ? "messages" : "requests"
      process.stderr.write(
        styleText("dim", `${count} ${what} in ${summary.packets} packets (${summary.format})\n`),
      )
    }
  }),
).pipe(
  Command.withDescription("Print the requests, messages, flows or a summary of a capture file"),
  Command.withExamples([
    { command: "sonde replay capture.pcap", description: "Requests with their responses" },
    { command: "sonde replay --summary capture.pcap", description: "Services, errors, the slowest requests" },
    { command: "sonde replay --flows --json capture.pcapng.gz", description: "One JSON object a flow" },
  ]),
)
