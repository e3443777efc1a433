// The agent's way from system calls to sessions in this process: what the capture worker does, without batches. For tests with
// real servers and clients.

import * as Effect from "effect/Effect"
import { spawn } from "node:child_process"
import { readdirSync } from "node:fs"
import { setTimeout as sleep } from "node:timers/promises"
import { Exclusions, type Filter, noFilter } from "../../../src/agent/capture/Exclusions.ts"
import { openSocketSource } from "../../../src/agent/capture/SocketSource.ts"
import { Shedding } from "../../../src/agent/capture/Shedding.ts"
import type { Connection } from "../../../src/agent/flow/Connection.ts"
import type { Session } from "../../../src/agent/flow/Session.ts"
import type { AnyBatch, ColumnBatch } from "../../../src/model/ColumnBatch.ts"
import { RecordType } from "../../../src/model/L7Session.ts"
import { ObservationPoint } from "../../../src/model/observation.ts"
import { Pipeline } from "../../../src/agent/Pipeline.ts"
import { ProcessTable } from "../../../src/agent/process/ProcessTable.ts"
import { loadConfig } from "../../../src/runtime/Config.ts"

/** One session as its side saw it: protocol, type and resource of the request, status and code of the response. */
export interface Seen {
  readonly side: "client" | "server"
  readonly client: string
  readonly server: string
  readonly text: string
  /** Read within TLS. */
  readonly isTls: boolean
  /** Bytes of the response's body; -1: not known. */
  readonly responseLength: number
}

/** What joins rows, of one row. */
export interface CausalRow {
  readonly isServer: boolean
  /** Of the observed side. */
  readonly pid: number
  readonly serverPort: number
  readonly text: string
  /** syscall_trace_id_request */
  readonly id: number
  readonly coroutine: number
  readonly isAnswered: boolean
}

/** A connection as one side saw it. */
export interface FlowRow {
  readonly side: "client" | "server"
  readonly client: string
  readonly server: string
  readonly bytes: readonly [sent: number, received: number]
  readonly packets: readonly [sent: number, received: number]
  readonly requests: number
  readonly rttUs: number
  readonly closeType: number
}

export interface Capturing {
  /** Rows that were written by now. */
  rows(): ReadonlyArray<CausalRow>
  /** Sessions of connections to this port, in the order in which they ended. */
  sessions(port: number): ReadonlyArray<Seen>
  /** Rows of the flow log of connections to this port, once they are over. */
  flows(port: number): ReadonlyArray<FlowRow>
  /** Other filters from now on. */
  filter(filter: Partial<Filter>): void
  /** The source's counters. */
  stats(): Readonly<Record<string, number>>
  /** Events that the kernel had no room for, until the capture was stopped. */
  lost(): number
  /** The hook by which TLS is read. */
  tlsHook(): string
  /** Lets the capture take what is there. */
  settle(): Promise<void>
  stop(): Promise<void>
}

/** As the worker's loop: 5 ms after a drain that wants to be asked soon, 50 otherwise. */
const busyMs = 5
const idleMs = 50
const settleMs = 300

const brief = ({ request, response }: Session, connection: Connection): Seen => ({
  side: connection.observed === connection.client ? "client" : "server",
  client: connection.clientEnd.processName,
  server: connection.serverEnd.processName,
  text: [
    connection.protocol?.name,
    request?.requestType ?? "-",
    request?.requestResource ?? "-",
    response === null ? "-" : `${response.status}`,
    response === null || response.code < 0 ? "-" : `${response.code}`,
  ].join(" | "),
  isTls: connection.isTls,
  responseLength: response?.length ?? -1,
})

/** Captures what programs do that start later, or with `isEverything` what all do but this one. */
export const startCapturing = async (
  options: {
    readonly isEverything?: boolean
    /** Whether TLS is looked into: to hook its libraries takes some seconds in all. */
    readonly tls?: boolean
    readonly javaTls?: boolean
    /** Whether Tasks of Python's asyncio are followed. */
    readonly asyncio?: boolean
    readonly tlsExcludePrograms?: ReadonlyArray<string>
    readonly ringMiB?: number
    readonly filter?: Partial<Filter>
    readonly payload?: "full" | "metrics"
    /** agent.budget.eventsPerProcess; 0: any number. */
    readonly eventsPerProcess?: number
  } = {},
): Promise<Capturing> => {
  const { agent } = await Effect.runPromise(
    loadConfig({ file: undefined, environment: {}, flags: new Map() }),
  )
  const running = readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
  const processes = new ProcessTable()
  processes.refresh(Date.now())
  const seen: Array<readonly [port: number, seen: Seen]> = []
  const rows: Array<CausalRow> = []
  const flows: Array<readonly [port: number, row: FlowRow]> = []
  const takeRequests = ({ columns, rows: count }: ColumnBatch<"l7">): void => {
    for (let row = 0; row < count; row++) {
      const isServer = columns.observation_point[row] === ObservationPoint.serverProcess
      rows.push({
        isServer,
        pid: (isServer ? columns.process_id_1 : columns.process_id_0)[row]!,
        serverPort: columns.server_port[row]!,
        text: `${columns.request_type[row]} ${columns.request_resource[row]}`,
        id: columns.syscall_trace_id_request[row]!,
        coroutine: columns.syscall_coroutine_0[row]!,
        isAnswered: columns.type[row] === RecordType.session,
      })
    }
  }
  const takeFlows = ({ columns, rows: count }: ColumnBatch<"l4">): void => {
    for (let row = 0; row < count; row++)
      flows.push([
        columns.server_port[row]!,
        {
          side: columns.observation_point[row] === ObservationPoint.clientProcess ? "client" : "server",
          client: columns.process_kname_0[row]!,
          server: columns.process_kname_1[row]!,
          bytes: [columns.byte_tx[row]!, columns.byte_rx[row]!],
          packets: [columns.packet_tx[row]!, columns.packet_rx[row]!],
          requests: columns.l7_request[row]!,
          rttUs: columns.rtt[row]!,
          closeType: columns.close_type[row]!,
        },
      ])
  }
  const take = (batch: AnyBatch): void => {
    if (batch.kind === "l7") takeRequests(batch)
    else if (batch.kind === "l4") takeFlows(batch)
  }
  const pipeline = new Pipeline({
    maskLiterals: true,
    sessionTimeoutUs: 120_000_000,
    maxConnections: 4_096,
    flowIdSeed: 1,
    emit: take,
    onSession: (session, connection) => seen.push([connection.serverEnd.port, brief(session, connection)]),
  })
  const exclusions = new Exclusions(options.isEverything === true ? [process.pid] : running, [], [], {
    ...noFilter,
    ...options.filter,
  })
  // Not otherwise: ports that running programs listen on would be left out with them, also where others connect to these.
  if (options.filter !== undefined) exclusions.refresh(processes)
  const opened = await openSocketSource({
    options: {
      agent: {
        ...agent,
        tls: options.tls === true,
        javaTls: options.javaTls === true,
        asyncio: options.asyncio === true,
        ringMiB: options.ringMiB ?? agent.ringMiB,
        payload: options.payload ?? "full",
        budget: {
          ...agent.budget,
          eventsPerProcess: options.eventsPerProcess ?? agent.budget.eventsPerProcess,
        },
        tlsExcludePrograms: options.tlsExcludePrograms ?? agent.tlsExcludePrograms,
      },
      excludePids: [],
      excludePorts: [],
    },
    exclusions,
    pipeline,
    processes,
    shedding: new Shedding(),
    log: (_level, message) => console.warn(message),
  })
  if (!("source" in opened)) throw new Error(opened.refused[0]!.missing)
  const { source } = opened
  let timer: NodeJS.Timeout
  let lost = 0
  let nextSecond = 0
  const tick = (): void => {
    const now = Date.now()
    pipeline.tick(now * 1_000)
    const isBusy = source.drain(now)
    if (now >= nextSecond) {
      nextSecond = now + 1_000
      source.expire(now * 1_000)
      pipeline.flush(now * 1_000)
    }
    timer = setTimeout(tick, isBusy ? busyMs : idleMs)
  }
  tick()
  return {
    sessions: (port) => seen.filter(([of]) => of === port).map(([, session]) => session),
    flows: (port) => flows.filter(([of]) => of === port).map(([, row]) => row),
    filter: (filter) => {
      exclusions.change([], [], { ...noFilter, ...filter })
      processes.refresh(Date.now())
      exclusions.refresh(processes)
    },
    stats: () => source.stats(),
    tlsHook: () => source.features.find(({ name }) => name.includes("TLS"))?.hook ?? "",
    rows: () => rows,
    lost: () => lost,
    settle: async () => {
      await sleep(settleMs)
      pipeline.flush(Date.now() * 1_000)
    },
    stop: async () => {
      clearTimeout(timer)
      pipeline.end(Date.now() * 1_000)
      lost = source.stats()["kernel_lost_total"] ?? 0
      await source.close()
    },
  }
}

/** Runs a program to its end beside the capture, which goes on meanwhile; what it printed, and how it ended. */
export const runBeside = (
  command: string,
  args: ReadonlyArray<string>,
  environment: Readonly<Record<string, string>> = {},
): Promise<{ readonly status: number | null; readonly output: string }> =>
  new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, ...environment },
    })
    let output = ""
    child.stdout.on("data", (bytes: Buffer) => (output += bytes.toString("latin1")))
    child.stderr.on("data", (bytes: Buffer) => (output += bytes.toString("latin1")))
    child.once("error", reject)
    child.once("close", (status) => resolve({ status, output }))
  })
