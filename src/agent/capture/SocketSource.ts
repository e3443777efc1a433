// System calls as a source: drains the kernel's ring into the connections of the pipeline.

import type { Feature } from "../../model/AgentStatus.ts"
import type { AnyBatch } from "../../model/ColumnBatch.ts"
import { FileEvents } from "../file/FileEvents.ts"
import { ProcessEvents } from "../process/ProcessEvents.ts"
import type { CompatEnds } from "./compat/CompatEnds.ts"
import { openCompat } from "./compat/openCompat.ts"
import { ConnectionReads } from "./ConnectionReads.ts"
import { DatagramFlows } from "./DatagramFlows.ts"
import { DatagramSums } from "./DatagramSums.ts"
import { kernelCounters } from "./layout.gen.ts"
import type { CaptureOptions, SourceCost } from "./messages.ts"
import { loadAddon } from "./native/Addon.ts"
import { filesFeatureName } from "./native/extraHooks.ts"
import { ringBytes } from "./native/kernelTables.ts"
import { openTracer } from "./native/openTracer.ts"
import type { Reason } from "./native/privileges.ts"
import type { SocketTracer } from "./native/SocketTracer.ts"
import { ProgramHooks } from "./ProgramHooks.ts"
import { SocketCost } from "./SocketCost.ts"
import { SocketFlows } from "./SocketFlows.ts"
import type { Opened, Source, SourceContext } from "./Source.ts"
import { TcpFlows } from "./TcpFlows.ts"
import { Verdicts } from "./Verdicts.ts"

/** Events are taken in pieces of this size: about 2 ms of parsing. */
const bufferBytes = 1_048_576
/** Pieces taken in one go before timers and messages get their turn. */
const maxPieces = 8
/** A ring that fills more than this between two looks is drained sooner. */
const busyBytes = 16_384

const shed: Reason = {
  missing: "given up to stay within the budget (agent.budget)",
  next: "it comes back by itself; see docs/budgets.md",
}

/** What is left of payloads near the budget: first lines and most headers. */
const shedPayloadBytes = 256

/** Why connections are only counted; undefined: their bytes are read. */
const whyOnlyCounted = ({ options, shedding }: SourceContext): Reason | undefined => {
  if (options.agent.payload === "metrics")
    return {
      missing: "agent.payload is metrics: connections are counted, requests are not read",
      next: "set agent.payload to full",
    }
  return shedding.has("requests") ? shed : undefined
}

export const openSocketSource = async (context: SourceContext): Promise<Opened> => {
  const addon = loadAddon()
  if ("missing" in addon) {
    return {
      refused: [{ name: "socket data", on: false, hook: "", missing: addon.missing, next: addon.next }],
    }
  }
  const { agent } = context.options
  const onlyCounted = whyOnlyCounted(context)
  const opened = await openTracer(addon, {
    payloadBytes: agent.payloadBytes,
    ringMiB: agent.ringMiB,
    eventsPerProcess: agent.budget.eventsPerProcess,
    sockets: agent.budget.sockets,
    kernelTypes: agent.kernelTypes,
    files: agent.files && onlyCounted === undefined ? { slowUs: agent.fileSlowUs } : undefined,
    onlyCounted,
  })
  if (!("tracer" in opened)) return opened
  const { refused, tracer } = opened
  for (const { missing, next } of refused) context.log("warn", `${missing}. ${next}`)
  context.exclusions.connect(tracer)
  return { source: new SocketSource(context, tracer, addon.clockOffsetNs(), onlyCounted, refused) }
}

class SocketSource implements Source {
  readonly tier = 1
  readonly by = "socket data"
  readonly #context: SourceContext
  readonly #tracer: SocketTracer
  readonly #onlyCounted: Reason | undefined
  readonly #refused: ReadonlyArray<Feature>
  readonly #verdicts: Verdicts
  readonly #datagrams: DatagramFlows
  readonly #datagramSums: DatagramSums
  /** Completes calls of the programs for old kernels. */
  readonly #ends: CompatEnds | undefined
  readonly #files: FileEvents | undefined
  readonly #lives: ProcessEvents | undefined
  readonly #tcpFlows: TcpFlows
  readonly #flows: SocketFlows
  readonly #hooks: ProgramHooks
  readonly #reads: ConnectionReads
  readonly #cost: SocketCost
  readonly #buffer = new Uint8Array(bufferBytes)
  readonly #view = new DataView(this.#buffer.buffer)
  #lost = 0
  #wakesRefused = 0

  constructor(
    context: SourceContext,
    tracer: SocketTracer,
    clockOffsetNs: number,
    onlyCounted: Reason | undefined,
    refused: ReadonlyArray<Feature>,
  ) {
    const { exclusions, options, pipeline, processes } = context
    const { agent } = options
    const { causality, connections, flowLog } = pipeline
    const isCompat = tracer.hook === "compat"
    const emit = (batch: AnyBatch): void => pipeline.emit(batch)
    this.#context = context
    this.#tracer = tracer
    this.#onlyCounted = onlyCounted
    this.#refused = refused
    this.#verdicts = new Verdicts(tracer)
    const verdicts = this.#verdicts
    this.#datagrams = new DatagramFlows({ connections, flowLog, processes, causality, verdicts })
    this.#datagramSums = new DatagramSums((keys, sums) => tracer.takeDatagramSums(keys, sums), clockOffsetNs)
    this.#ends = isCompat ? openCompat(tracer, processes, (port) => exclusions.ports.has(port)) : undefined
    this.#files =
      agent.files && onlyCounted === undefined && !isCompat
        ? new FileEvents({
            processes,
            clockOffsetNs,
            takeSums: (keys, sums) => tracer.takeFileSums(keys, sums),
            emit,
            servedBy: (tgid, tid, coroutine) => causality.servedBy(tgid, tid, coroutine),
            isLeftOut: (pid) => exclusions.wasLeftOut(pid),
          })
        : undefined
    this.#lives = agent.processEvents
      ? new ProcessEvents({ processes, clockOffsetNs, emit, maskArguments: agent.maskLiterals })
      : undefined
    this.#tcpFlows = new TcpFlows({
      flowLog,
      processes,
      maxFlows: agent.maxConnections,
      told: isCompat ? "nothing" : tracer.hasIterators ? "alive" : "end",
    })
    this.#flows = new SocketFlows({
      connections,
      tcpFlows: this.#tcpFlows,
      processes,
      causality,
      clockOffsetNs,
      exclusions,
      verdicts,
      datagrams: this.#datagrams,
      files: this.#files,
      lives: this.#lives,
    })
    this.#cost = new SocketCost(tracer, ringBytes(agent.ringMiB))
    this.#hooks = new ProgramHooks(context, tracer, onlyCounted)
    this.#flows.probes = this.#hooks.probes
    this.#reads = new ConnectionReads({
      tracer,
      flows: this.#flows,
      tcpFlows: this.#tcpFlows,
      ownersAreSeen: onlyCounted === undefined,
      sockets: agent.budget.sockets,
    })
    this.#registerSteps()
  }

  /** What can be given up near the budget. */
  #registerSteps(): void {
    const { options, shedding } = this.#context
    const { payload, payloadBytes } = options.agent
    const tracer = this.#tracer
    if (this.#onlyCounted === undefined && payloadBytes > shedPayloadBytes)
      shedding.register({
        step: "payload",
        features: ["socket data"],
        what: `payload ${shedPayloadBytes} B`,
        shed: () => tracer.setPayloadBytes(shedPayloadBytes),
        restore: () => tracer.setPayloadBytes(payloadBytes),
      })
    // What takes its place counts connections by iterators. Both are other captures: nothing is to be done while one runs.
    if (payload === "full" && tracer.hasIterators)
      shedding.register({
        step: "requests",
        features: ["socket data"],
        what: "connections without requests",
        shed: () => undefined,
        restore: () => undefined,
      })
    if (this.#files !== undefined)
      shedding.register({
        step: "files",
        features: [filesFeatureName],
        what: "no events of files",
        shed: () => tracer.followFiles(false),
        restore: () => tracer.followFiles(true),
      })
    this.#hooks.register()
  }

  get limit(): Source["limit"] {
    const why = this.#onlyCounted
    return why === undefined ? undefined : { what: "requests", why: why.missing, next: why.next }
  }

  get features(): ReadonlyArray<Feature> {
    return [...this.#tracer.features, ...this.#refused, ...this.#hooks.features(shed)]
  }

  drain(nowMs: number): boolean {
    let total = 0
    this.#cost.look()
    this.#verdicts.isAwaited = false
    for (let piece = 0; piece < maxPieces; piece++) {
      const length = this.#tracer.poll(this.#buffer)
      this.#seeLosses()
      if (length === 0) break
      const complete = this.#ends?.complete(this.#buffer, this.#view, length) ?? length
      this.#flows.consume(this.#buffer, this.#view, complete, nowMs)
      total += length
      if (length < bufferBytes / 2) break
    }
    this.#verdicts.flush()
    this.#flows.probes?.look()
    return total > busyBytes || this.#verdicts.isAwaited
  }

  /** After a piece was taken from the ring: whatever was lost in it is counted by then. */
  #seeLosses(): void {
    const { causality } = this.#context.pipeline
    const { over_budget, ring_full, wakes_refused } = this.#tracer.counters()
    const lost = ring_full + over_budget
    causality.blind(lost !== this.#lost)
    this.#lost = lost
    if (wakes_refused !== this.#wakesRefused) causality.lanes.wakesLost()
    this.#wakesRefused = wakes_refused
  }

  expire(nowUs: number): void {
    this.#reads.run(nowUs)
    this.#datagramSums.each((sum) => this.#flows.consumeDatagrams(sum))
    this.#flows.expire(nowUs)
    this.#flows.probes?.expire(nowUs / 1_000)
  }

  flush(nowUs: number, isLast: boolean): void {
    this.#lives?.flush()
    if (isLast) this.#files?.end(nowUs)
    else this.#files?.flush(nowUs)
  }

  configure({ budget }: CaptureOptions["agent"]): void {
    this.#tracer.setEventsPerProcess(budget.eventsPerProcess)
  }

  cost(nowMs: number): SourceCost {
    return this.#cost.cost(nowMs)
  }

  refusedEvents(): ReadonlyMap<number, number> {
    return this.#cost.refusedEvents()
  }

  stats(): Record<string, number> {
    const kernel = this.#tracer.counters()
    return {
      ...this.#flows.counters,
      ...this.#tcpFlows.counters,
      tcp_flows: this.#tcpFlows.size,
      ...this.#verdicts.stats(),
      ...this.#datagrams.counters,
      datagram_flows: this.#datagrams.size,
      ...this.#flows.probes?.stats(),
      ...this.#ends?.counters,
      ...this.#files?.counters,
      ...this.#lives?.counters,
      ...Object.fromEntries(
        kernelCounters.map((name) => [`kernel_${name === "ring_full" ? "lost" : name}_total`, kernel[name]]),
      ),
    }
  }

  async close(): Promise<void> {
    this.#flows.probes = undefined
    await this.#hooks.close()
    this.#cost.close()
    this.#tracer.close()
  }
}
