// CPU per packet from a capture's bytes to flows, rows and metrics, against the same logic in plain C (flowTable.c) on the same
// packets: both have to count the same. The same with the sessions of HTTP/1, which the C does not make. And what a million packets
// leave behind on the heap. Both sides keep their memory from round to round, as an agent does. Usage: node bench/flowTable.ts.

import { execFileSync } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"
import { CaptureDecoder } from "../src/agent/capture/pcap/CaptureDecoder.ts"
import { packetStreams } from "../src/agent/capture/packetStreams.ts"
import { FlowLog } from "../src/agent/flow/FlowLog.ts"
import { PacketFlows } from "../src/agent/flow/tcp/PacketFlows.ts"
import { Pipeline } from "../src/agent/Pipeline.ts"
import { NetworkMetrics } from "../src/agent/metric/NetworkMetrics.ts"
import type { AnyBatch, NumberArray } from "../src/model/ColumnBatch.ts"
import { writeFlowPackets } from "./flowPackets.ts"
import { print, type Result } from "./Result.ts"

const rounds = 8
const waves = 12
const snapBytes = 96
/** Whole packets, fewer of them: of these the bytes count. */
const sessionWaves = 4
const wholePackets = 65_535
/** Between the rounds: long enough for every flow to be over. */
const apartUs = 400_000_000
const beginUs = 1_700_000_030_000_000
/** Nanoseconds a packet with sessions, on a machine where the C takes so many. */
const mostSessionNs = 900
const referenceNs = 130
const mostRatio = 2
const mostHeapBytes = 1_048_576
const command = "npm run bench flowTable"

/** Columns whose sums both sides have to agree on. */
const compared = [
  ...["packet_tx", "packet_rx", "byte_tx", "byte_rx", "l3_byte_tx", "l3_byte_rx", "l4_byte_tx", "l4_byte_rx"],
  ...["retrans_tx", "retrans_rx", "ooo_tx", "ooo_rx", "syn_count", "synack_count", "fin_count"],
  ...[
    "retrans_syn",
    "retrans_synack",
    "srt_sum",
    "srt_count",
    "art_sum",
    "art_count",
    "cit_sum",
    "cit_count",
  ],
]

type Sums = Record<string, number>

/** The whole way of a packet but for what applications say; `sums`: adds up what the rows tell. */
const makeTable = (sums?: Sums) => {
  const addUp = (batch: AnyBatch): void => {
    if (sums === undefined) return
    const columns = batch.columns as unknown as Readonly<Record<string, NumberArray>>
    const isFlows = batch.kind === "l4"
    for (let row = 0; row < batch.rows; row++) {
      if (isFlows) for (const name of compared) sums[name] = (sums[name] ?? 0) + columns[name]![row]!
      else if (columns["interval"]![row] === 1)
        sums["packets_of_metrics"] =
          (sums["packets_of_metrics"] ?? 0) + columns["packet_tx"]![row]! + columns["packet_rx"]![row]!
    }
  }
  let flowIds = 0
  const metrics = new NetworkMetrics({ emit: addUp })
  const log = new FlowLog({ emit: addUp, metrics, nextFlowId: () => ++flowIds })
  const flows = new PacketFlows({
    log,
    consumer: {
      begin: ({ account, client, server }) => {
        account.client = client
        account.server = server
      },
      open: () => null,
    },
  })
  let second = 0
  const feed = (file: Uint8Array, laterUs: number): void => {
    const decoder = new CaptureDecoder(
      ({ bytes, end, linkType, originalLength, start, timeUs }) => {
        const atUs = timeUs + laterUs
        if (atUs >= second) {
          flows.run()
          log.tick(atUs)
          metrics.flush(Math.floor(atUs / 1e6))
          second = (Math.floor(atUs / 1e6) + 1) * 1e6
        }
        flows.queue(bytes, start, end, originalLength, linkType, atUs)
      },
      () => flows.run(),
    )
    decoder.push(file)
  }
  return {
    feed,
    flows,
    end: () => {
      flows.endAll()
      log.end()
      metrics.flushAll()
    },
    /** Time goes by until every flow is over. */
    settle: (atUs: number) => {
      flows.expire(atUs)
      log.tick(atUs)
      metrics.flush(Math.floor(atUs / 1e6))
      log.flush()
    },
  }
}

const cpuNs = (work: () => void): number => {
  const before = process.cpuUsage()
  work()
  const { system, user } = process.cpuUsage(before)
  return (system + user) * 1_000
}

/** The packets that flow table and reference are measured with; gives how many there are. */
export const writeReferencePackets = (pcap: string): number => writeFlowPackets(pcap, waves, snapBytes)

/** The reference of plain C, compiled into `folder`. */
export const compileReference = (folder: string): string => {
  const binary = join(folder, "flowTable")
  const source = fileURLToPath(new URL("flowTable.c", import.meta.url))
  execFileSync("cc", ["-O3", "-Wall", "-Wextra", "-o", binary, source])
  return binary
}

/** Runs it so many times over a capture: what it counted, and in `cpu_ns` the CPU time of the fastest round. */
export const runReference = (binary: string, pcap: string, times: number): Sums =>
  JSON.parse(execFileSync(binary, [pcap, String(times)], { encoding: "utf8" }))

/** The whole way of a packet, sessions and their metrics with it. */
const makeSessions = () => {
  let sessions = 0
  const pipeline = new Pipeline({
    maskLiterals: true,
    sessionTimeoutUs: 120_000_000,
    maxConnections: 65_536,
    flowIdSeed: 0,
    emit: () => undefined,
    onSession: () => void sessions++,
  })
  const flows = new PacketFlows({
    consumer: packetStreams({ connections: pipeline.connections }),
    log: pipeline.flowLog,
  })
  let second = 0
  const decoderOf = (laterUs: number): CaptureDecoder =>
    new CaptureDecoder(
      ({ bytes, end, linkType, originalLength, start, timeUs }) => {
        const atUs = timeUs + laterUs
        if (atUs >= second) {
          flows.run()
          pipeline.tick(atUs)
          pipeline.flush(atUs)
          second = (Math.floor(atUs / 1e6) + 1) * 1e6
        }
        flows.queue(bytes, start, end, originalLength, linkType, atUs)
      },
      () => flows.run(),
    )
  return {
    round: (file: Uint8Array, time: number) => {
      decoderOf(time * apartUs).push(file)
      const atUs = beginUs + (time + 1) * apartUs - 1_000_000
      flows.expire(atUs)
      pipeline.tick(atUs)
      pipeline.flush(atUs)
    },
    sessions: () => sessions,
  }
}

const heapGrowth = (file: Uint8Array): number => {
  setFlagsFromString("--expose-gc")
  const collect = runInNewContext("gc") as () => void
  const table = makeTable()
  const fill = (time: number): number => {
    table.feed(file, time * apartUs)
    table.settle(beginUs + (time + 1) * apartUs - 1_000_000)
    collect()
    return process.memoryUsage().heapUsed
  }
  fill(0)
  const before = fill(1)
  fill(2)
  return fill(3) - before
}

export const flowTable = async (): Promise<ReadonlyArray<Result>> => {
  const folder = mkdtempSync(join(tmpdir(), "sonde-flows-"))
  try {
    const pcap = join(folder, "flows.pcap")
    const packets = writeReferencePackets(pcap)
    const file = readFileSync(pcap)
    const sessionsPcap = join(folder, "sessions.pcap")
    const sessionPackets = writeFlowPackets(sessionsPcap, sessionWaves, wholePackets)
    const sessionsFile = readFileSync(sessionsPcap)
    const binary = compileReference(folder)
    const inC = runReference(binary, pcap, 2)
    const sums: Sums = {}
    const checked = makeTable(sums)
    checked.feed(file, 0)
    checked.end()
    for (const name of [...compared, "packets_of_metrics"]) {
      if (sums[name] !== inC[name])
        throw new Error(`C and TypeScript differ in ${name}: ${inC[name]} and ${sums[name]}`)
    }
    const table = makeTable()
    const times = { c: Infinity, table: Infinity, sessions: Infinity }
    for (let round = 0; round < rounds; round++) {
      times.c = Math.min(times.c, runReference(binary, pcap, 2)["cpu_ns"]!)
      const inTable = cpuNs(() => {
        table.feed(file, round * apartUs)
        table.settle(beginUs + (round + 1) * apartUs - 1_000_000)
      })
      times.table = Math.min(times.table, inTable)
    }
    // After the others: what the engine learns of flows with streams makes the table alone a tenth slower.
    const sessions = makeSessions()
    for (let round = 0; round < rounds; round++) {
      times.c = Math.min(times.c, runReference(binary, pcap, 2)["cpu_ns"]!)
      const withSessions = cpuNs(() => sessions.round(sessionsFile, round))
      times.sessions = Math.min(times.sessions, withSessions)
    }
    const ns = times.table / packets
    const cNs = times.c / packets
    const sessionNs = times.sessions / sessionPackets
    const sessionsOnReference = (sessionNs * referenceNs) / cNs
    const growth = ((heapGrowth(file) / packets) * 1e6) / 2
    return [
      {
        what: `flow table: CPU per packet against C (${packets} packets, ${checked.flows.counters.opened} flows)`,
        bar: `at most ${mostRatio.toFixed(1)}`,
        measured: `${(ns / cNs).toFixed(2)} (${ns.toFixed(0)} ns; C ${cNs.toFixed(0)} ns)`,
        isMet: ns / cNs <= mostRatio,
        command,
      },
      {
        what: `flow table with HTTP/1 sessions: CPU per packet where C takes ${referenceNs} ns (${sessionPackets} packets, ${sessions.sessions() / rounds} sessions)`,
        bar: `at most ${mostSessionNs} ns`,
        measured: `${sessionsOnReference.toFixed(0)} ns (here ${sessionNs.toFixed(0)} ns; C ${cNs.toFixed(0)} ns)`,
        isMet: sessionsOnReference <= mostSessionNs,
        command,
      },
      {
        what: "flow table: heap growth per million packets",
        bar: "at most 1 MiB",
        measured: `${(growth / 1_048_576).toFixed(2)} MiB`,
        isMet: growth <= mostHeapBytes,
        command,
      },
    ]
  } finally {
    rmSync(folder, { recursive: true })
  }
}

if (import.meta.main) for (const result of await flowTable()) print(result)
