// Entry of the capture worker thread: opens the best source this host allows, drains it by a timer, runs the pipeline, posts
// finished batches. Everything between the kernel and an encoded batch happens here, synchronously and without Effect.

import { readFileSync } from "node:fs"
import { getHeapStatistics } from "node:v8"
import { parentPort, workerData } from "node:worker_threads"
import { ColumnEncoder } from "../../wire/ColumnEncoder.ts"
import { type Connection, Side } from "../flow/Connection.ts"
import { Pipeline } from "../Pipeline.ts"
import { ProcessTable } from "../process/ProcessTable.ts"
import { listPids, readComm } from "../process/procfs.ts"
import { processViews } from "../process/processViews.ts"
import { Exclusions } from "./Exclusions.ts"
import type { CaptureCommand, CaptureMessage, CaptureOptions } from "./messages.ts"
import { loadAddon } from "./native/Addon.ts"
import { Shedding } from "./Shedding.ts"
import { openSource } from "./Source.ts"
import { threadMs } from "./Spaced.ts"
import { returnMemory, SpareMemory } from "./SpareMemory.ts"

const options = workerData as CaptureOptions
const port = parentPort!

const post = (message: CaptureMessage, transfer: Array<ArrayBuffer> = []): void =>
  port.postMessage(message, transfer)

const busyMs = 5
const idleMs = 50
const secondMs = 1_000
const refreshMs = 5_000
const statusMs = 2_000
/** What is done at such intervals takes at most one part in so many of a core, however many processes there are. */
const mostShare = 250
const longestMs = 10_000
/** What this thread puts together the main thread takes in and writes out, which takes twice as long. */
const statusHands = 3
/** What reading processes may take of each `idleMs`, and at the start at once. */
const lookMs = 2
const firstLookMs = 100

const nowUs = (): number => Date.now() * 1_000

const bootUs = (): number => {
  const match = /^btime (\d+)$/m.exec(readFileSync("/proc/stat", "utf8"))
  return match === null ? 0 : Number(match[1]) * 1_000_000
}

const encoder = new ColumnEncoder()
const processes = new ProcessTable()

const countRequest = (pid: number, connection: Connection): void => {
  const protocol = connection.protocol?.protocol
  const requests = pid === 0 || protocol === undefined ? undefined : processes.get(pid)?.requests
  if (requests !== undefined && protocol !== undefined)
    requests.set(protocol, (requests.get(protocol) ?? 0) + 1)
}

const pipeline = new Pipeline({
  maskLiterals: options.agent.maskLiterals,
  sessionTimeoutUs: options.agent.sessionSeconds * 1_000_000,
  maxConnections: options.agent.maxConnections,
  sampleOneIn: options.agent.sampleOneIn,
  flowIdSeed: Math.floor(Date.now() / 1_000),
  emit: (batch) => {
    for (const encoded of encoder.encode(batch))
      post({ type: "batch", batch: encoded }, [encoded.body.buffer])
  },
  onSession: (_session, connection) => {
    // Of a system call the observed side counts; of packets both, where they are local.
    if (connection.observed !== Side.b) countRequest(connection.a.processId, connection)
    if (connection.observed !== Side.a) countRequest(connection.b.processId, connection)
  },
})

const exclusions = new Exclusions(
  options.excludePids,
  options.excludePorts,
  options.agent.excludePrograms,
  options.agent.filter,
)
// Capture does not wait for all processes to be read; only whose traffic is left alone must be known before.
for (const pid of listPids()) exclusions.runs(pid, readComm(pid))

const shedding = new Shedding(options.shed)
const source = await openSource({
  options,
  exclusions,
  pipeline,
  processes,
  shedding,
  log: (level, message) => post({ type: "log", level, message }),
})

const addon = loadAddon()
const spare = new SpareMemory(() =>
  returnMemory(() => {
    if (!("missing" in addon)) addon.trimMemory()
  }),
)
const boot = bootUs()
const status = (isBusy: boolean): void => {
  const counters: Record<string, number> = {}
  for (const [name, value] of Object.entries({ ...pipeline.stats(), ...source.stats() })) {
    counters[`sonde_agent_${name}`] = value
  }
  const connections = pipeline.connections.size
  const flows = (counters["sonde_agent_tcp_flows"] ?? 0) + (counters["sonde_agent_packet_flows"] ?? 0)
  spare.look(Date.now(), Math.max(connections, flows), isBusy)
  counters["sonde_agent_memory_returned_total"] = spare.returned
  counters["sonde_agent_oversized_rows_total"] = encoder.oversizedRows
  counters["sonde_agent_exclusions_refused_total"] = exclusions.refused
  const all = processes.all()
  counters["sonde_agent_processes"] = all.length
  counters["sonde_agent_processes_dropped_total"] = processes.dropped
  counters["sonde_agent_processes_waiting"] = processes.waiting
  post({
    type: "status",
    status: {
      tier: source.tier,
      features: source.features,
      counters,
      processes: processViews(all, {
        by: source.by,
        limit: source.limit,
        isExcluded: (pid) => exclusions.isAlone(pid),
        isLeftOut: (pid) => exclusions.has(pid),
        refusedEvents: source.refusedEvents?.() ?? new Map(),
        bootUs: boot,
      }),
    },
  })
}

/** Of a source whose kernel side is not measured. */
const noCost = {
  ...(source.by === "none"
    ? { kernel: 0, kernelMissing: "" }
    : { kernel: null, kernelMissing: "only that of system calls is measured" }),
  hooks: [],
  countedSeconds: 0,
  ring: { peakBytes: 0, bytes: 0, lost: 0 },
  refused: 0,
}

const cost = (now: number): void => {
  const { user, system } = process.threadCpuUsage()
  const heap = getHeapStatistics()
  post({
    type: "cost",
    cost: {
      ...(source.cost?.(now) ?? noCost),
      threadUs: user + system,
      heapBytes: heap.used_heap_size,
      heapLimitBytes: heap.heap_size_limit,
      offers: shedding.offers,
    },
  })
}

let stopping = false
let { flushMs } = options.agent
let lastFlush = Date.now()
let lastSecond = lastFlush
let lastRefresh = lastFlush
let lastLook = 0
let lastStatus = 0
let refreshAfterMs = refreshMs
let statusAfterMs = statusMs

/** How long to wait after something that took so long. */
const spaced = (leastMs: number, tookMs: number): number =>
  Math.min(Math.max(leastMs, tookMs * mostShare), longestMs)

const tick = (): void => {
  if (stopping) return
  const now = Date.now()
  pipeline.tick(nowUs())
  const isBusy = source.drain(now)
  if (now - lastSecond >= secondMs) {
    lastSecond = now
    source.expire(nowUs())
    cost(now)
  }
  if (now - lastRefresh >= refreshAfterMs) {
    lastRefresh = now
    const beganMs = threadMs()
    processes.begin(now)
    exclusions.refresh(processes)
    refreshAfterMs = spaced(refreshMs, threadMs() - beganMs)
  }
  if (now - lastLook >= idleMs) {
    lastLook = now
    processes.look(performance.now() + lookMs)
  }
  if (now - lastFlush >= flushMs) {
    lastFlush = now
    pipeline.flush(nowUs())
    source.flush?.(nowUs(), false)
  }
  if (now - lastStatus >= statusAfterMs) {
    lastStatus = now
    const beganMs = threadMs()
    status(isBusy)
    statusAfterMs = spaced(statusMs, (threadMs() - beganMs) * statusHands)
  }
  setTimeout(tick, isBusy ? busyMs : idleMs)
}

const configure = ({ agent, excludePorts }: CaptureOptions): void => {
  flushMs = agent.flushMs
  pipeline.configure({
    sessionTimeoutUs: agent.sessionSeconds * 1_000_000,
    sampleOneIn: agent.sampleOneIn,
  })
  source.configure?.(agent)
  exclusions.change(excludePorts, agent.excludePrograms, agent.filter)
  exclusions.refresh(processes)
}

port.on("message", (command: CaptureCommand) => {
  if (stopping) return
  if (command.type === "configure") return configure(command.options)
  if (command.type === "shed") return shedding.apply(command.steps)
  stopping = true
  source.drain(Date.now())
  source.expire(nowUs())
  pipeline.end(nowUs())
  source.flush?.(nowUs(), true)
  status(true)
  void source.close().then(() => {
    post({ type: "stopped" })
    port.close()
  })
})

processes.begin(lastFlush)
processes.look(performance.now() + firstLookMs)
exclusions.refresh(processes)
tick()
