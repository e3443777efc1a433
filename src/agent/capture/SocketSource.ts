// System calls as a source: drains the kernel's ring into the connections of the pipeline.

import { basename } from "node:path"
import type { AnyBatch } from "../../model/ColumnBatch.ts"
import { FileEvents } from "../file/FileEvents.ts"
import { ProcessEvents } from "../process/ProcessEvents.ts"
import { openCompat } from "./compat/openCompat.ts"
import { DatagramFlows } from "./DatagramFlows.ts"
import { HandOverHooks } from "./HandOverHooks.ts"
import { loadAddon } from "./native/Addon.ts"
import { filesFeatureName } from "./native/extraHooks.ts"
import { ringBytes } from "./native/kernelTables.ts"
import { openTracer } from "./native/openTracer.ts"
import type { Reason } from "./native/privileges.ts"
import { RollCall } from "./RollCall.ts"
import { SocketCost } from "./SocketCost.ts"
import { SocketFlows } from "./SocketFlows.ts"
import type { Opened, Source, SourceContext } from "./Source.ts"
import { LibraryProbes } from "./probes/LibraryProbes.ts"
import { taskKind, tasksCompat, tasksOff } from "./python/taskKind.ts"
import { TcpFlows } from "./TcpFlows.ts"
import { Spaced } from "./Spaced.ts"
import { JavaTls, javaTlsOff } from "./tls/java/JavaTls.ts"
import { tlsCompat, tlsKind, tlsOff } from "./tls/tlsKind.ts"
import { Verdicts } from "./Verdicts.ts"

/** Events are taken in pieces of this size: about 2 ms of parsing. */
const bufferBytes = 1_048_576
/** Pieces taken in one go before timers and messages get their turn. */
const maxPieces = 8
/** A ring that fills more than this between two looks is drained sooner. */
const busyBytes = 16_384

/** How often descriptors are looked through where system calls are not seen, and of how many parts of a core that takes at most one. */
const ownersUs = 5_000_000
const ownersShare = 250
/** The same of connections: usually each second; with 50,000 of them that all move, each 10 s. */
const connectionsShare = 50
/** So often it is asked which connections are still there while the kernel's table of them is half full. */
const fullTableUs = 300_000_000

const tlsUnwanted = tlsOff({
  missing: "agent.tls is off: requests over TLS are not seen",
  next: "set agent.tls to true",
})

const tasksUnwanted = tasksOff({
  missing: "agent.asyncio is off: calls of an event loop's Tasks are told apart by their order alone",
  next: "set agent.asyncio to true",
})

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
  const { payloadBytes, ringMiB } = agent
  const onlyCounted = whyOnlyCounted(context)
  const isPayloadRead = onlyCounted === undefined
  const opened = await openTracer(addon, {
    payloadBytes,
    ringMiB,
    eventsPerProcess: agent.budget.eventsPerProcess,
    sockets: agent.budget.sockets,
    kernelTypes: agent.kernelTypes,
    files: agent.files && isPayloadRead ? { slowUs: agent.fileSlowUs } : undefined,
    onlyCounted,
  })
  if (!("tracer" in opened)) return opened
  const { refused, tracer } = opened
  for (const { missing, next } of refused) context.log("warn", `${missing}. ${next}`)
  context.exclusions.connect(tracer)

  const verdicts = new Verdicts(tracer)
  const datagrams = new DatagramFlows(
    context.pipeline.connections,
    context.pipeline.flowLog,
    context.processes,
    context.pipeline.causality,
  )
  const { exclusions, log, pipeline, processes } = context
  const forbidden = new Set(agent.tlsExcludePrograms)
  const isForbidden = (pid: number): boolean => {
    const info = exclusions.has(pid) ? undefined : processes.get(pid)?.info
    return info === undefined || forbidden.has(info.comm) || forbidden.has(basename(info.exe))
  }
  const isCompat = tracer.hook === "compat"
  const ends = isCompat ? openCompat(tracer, processes, (port) => exclusions.ports.has(port)) : undefined
  const clockOffsetNs = addon.clockOffsetNs()
  const emit = (batch: AnyBatch): void => pipeline.emit(batch)
  const files =
    agent.files && isPayloadRead && !isCompat
      ? new FileEvents({
          processes,
          clockOffsetNs,
          takeSums: (keys, sums) => tracer.takeFileSums(keys, sums),
          emit,
          servedBy: (tgid, tid, coroutine) => pipeline.causality.servedBy(tgid, tid, coroutine),
          isLeftOut: (pid) => exclusions.wasLeftOut(pid),
        })
      : undefined
  const lives = agent.processEvents
    ? new ProcessEvents({ processes, clockOffsetNs, emit, maskArguments: agent.maskLiterals })
    : undefined
  const tcpFlows = new TcpFlows({
    flowLog: pipeline.flowLog,
    processes,
    maxFlows: agent.maxConnections,
    told: isCompat ? "nothing" : tracer.hasIterators ? "alive" : "end",
  })
  const flows = new SocketFlows({
    connections: pipeline.connections,
    tcpFlows,
    processes,
    causality: pipeline.causality,
    clockOffsetNs,
    exclusions,
    verdicts,
    datagrams,
    files,
    lives,
  })
  const handOvers = agent.handOvers && isPayloadRead && !isCompat ? new HandOverHooks(tracer) : undefined
  pipeline.causality.lanes.handOvers.watcher = handOvers ?? null
  const cost = new SocketCost(tracer, ringBytes(ringMiB))
  if (isPayloadRead && payloadBytes > shedPayloadBytes)
    context.shedding.register({
      step: "payload",
      feature: "socket data",
      what: `payload ${shedPayloadBytes} B`,
      shed: () => tracer.setPayloadBytes(shedPayloadBytes),
      restore: () => tracer.setPayloadBytes(payloadBytes),
    })
  // What takes its place counts connections by iterators. Both are other captures: nothing is to be done while one runs.
  if (agent.payload === "full" && tracer.hasIterators)
    context.shedding.register({
      step: "requests",
      feature: "socket data",
      what: "connections without requests",
      shed: () => undefined,
      restore: () => undefined,
    })
  const hasFunctions = isPayloadRead && !isCompat
  const tasks = taskKind((follows) => tracer.followTasks(follows))
  const probes = new LibraryProbes({ target: tracer, isForbidden, log })
  if (hasFunctions) flows.probes = probes
  if (hasFunctions && agent.asyncio) probes.add(tasks)
  if (files !== undefined)
    context.shedding.register({
      step: "files",
      feature: filesFeatureName,
      what: "no events of files",
      shed: () => tracer.followFiles(false),
      restore: () => tracer.followFiles(true),
    })
  let closing = Promise.resolve()
  if (hasFunctions && agent.tls)
    context.shedding.register({
      step: "tls",
      feature: tlsKind.feature,
      what: "no plaintext of TLS, no work handed over",
      shed: () => {
        const { java } = probes
        probes.java = undefined
        if (java !== undefined) closing = Promise.all([closing, java.close()]).then(() => undefined)
        probes.drop(tlsKind)
        pipeline.causality.lanes.handOvers.stop()
      },
      restore: () => {
        pipeline.causality.lanes.handOvers.watcher = handOvers ?? null
        if (agent.javaTls) probes.java ??= new JavaTls({ isForbidden, log })
        probes.add(tlsKind)
      },
    })
  const buffer = new Uint8Array(bufferBytes)
  const view = new DataView(buffer.buffer)
  /** Whose connections are is seen at their system calls; otherwise descriptors are looked through now and then. */
  const owners = new Spaced(isPayloadRead ? Number.POSITIVE_INFINITY : ownersUs, ownersShare)
  const connections = new Spaced(0, connectionsShare)
  const rolls = new RollCall(
    () => tcpFlows.beginCall(),
    (call, nowUs) => flows.endCall(call, nowUs),
  )
  /** The kernel says when an event finds no room, but not when its table of connections forgets one for another. */
  const lostEnds = (nowUs: number): number =>
    tracer.counters().ring_full +
    (tcpFlows.size > agent.budget.sockets / 2 ? Math.floor(nowUs / fullTableUs) : 0)
  const takeFlows = (nowUs: number): void => {
    if (!tracer.hasIterators) return
    owners.run(nowUs, () => tracer.findOwners())
    connections.run(nowUs, () =>
      rolls.run(nowUs, lostEnds(nowUs), (isEach) =>
        tracer.readFlows((bytes, length) => flows.consumeFlows(bytes, length), isEach),
      ),
    )
  }

  let lostBefore = 0
  let wakesRefusedBefore = 0
  /** After a piece was taken from the ring: whatever was lost in it is counted by then. */
  const seeLosses = (): void => {
    const { causality } = context.pipeline
    const { over_budget, ring_full, wakes_refused } = tracer.counters()
    const lost = ring_full + over_budget
    causality.blind(lost !== lostBefore)
    lostBefore = lost
    if (wakes_refused !== wakesRefusedBefore) causality.lanes.wakesLost()
    wakesRefusedBefore = wakes_refused
  }
  const source: Source = {
    tier: 1,
    by: "socket data",
    limit:
      onlyCounted === undefined
        ? undefined
        : { what: "requests", why: onlyCounted.missing, next: onlyCounted.next },
    get features() {
      const other = isCompat ? tlsCompat : agent.tls ? tlsOff(onlyCounted ?? shed) : tlsUnwanted
      const noTasks = isCompat ? tasksCompat : agent.asyncio ? tasksOff(onlyCounted ?? shed) : tasksUnwanted
      const tls = probes.feature(tlsKind)
      return [
        ...tracer.features,
        ...refused,
        ...(tls === undefined ? [other] : [tls, probes.java?.feature ?? javaTlsOff]),
        probes.feature(tasks) ?? noTasks,
      ]
    },
    drain: (nowMs) => {
      let total = 0
      cost.look()
      verdicts.isAwaited = false
      for (let piece = 0; piece < maxPieces; piece++) {
        const length = tracer.poll(buffer)
        seeLosses()
        if (length === 0) break
        flows.consume(buffer, view, ends?.complete(buffer, view, length) ?? length, nowMs)
        total += length
        if (length < bufferBytes / 2) break
      }
      verdicts.flush()
      flows.probes?.look()
      return total > busyBytes || verdicts.isAwaited
    },
    expire: (nowUs) => {
      takeFlows(nowUs)
      flows.expire(nowUs)
      flows.probes?.expire(nowUs / 1_000)
    },
    flush: (nowUs, isLast) => {
      lives?.flush()
      if (isLast) files?.end(nowUs)
      else files?.flush(nowUs)
    },
    configure: ({ budget }) => tracer.setEventsPerProcess(budget.eventsPerProcess),
    cost: (nowMs) => cost.cost(nowMs),
    refusedEvents: () => cost.refusedEvents(),
    stats: () => {
      const kernel = tracer.counters()
      return {
        ...flows.counters,
        ...tcpFlows.counters,
        tcp_flows: tcpFlows.size,
        ...verdicts.stats(),
        ...datagrams.counters,
        ...flows.probes?.stats(),
        ...ends?.counters,
        ...files?.counters,
        ...lives?.counters,
        kernel_delivered_total: kernel.delivered,
        kernel_delivered_bytes_total: kernel.delivered_bytes,
        kernel_lost_total: kernel.ring_full,
        kernel_unreadable_total: kernel.unreadable,
        kernel_offered_total: kernel.offered,
        kernel_offers_refused_total: kernel.offers_refused,
        kernel_filtered_total: kernel.filtered,
        kernel_excluded_total: kernel.excluded,
        kernel_sockets_full_total: kernel.sockets_full,
        kernel_tls_calls_total: kernel.tls_calls,
        kernel_tls_unjoined_total: kernel.tls_unjoined,
        kernel_tls_full_total: kernel.tls_full,
        kernel_file_waits_total: kernel.file_waits,
        kernel_file_events_total: kernel.file_events,
        kernel_file_refused_total: kernel.file_refused,
        kernel_file_sums_full_total: kernel.file_sums_full,
        kernel_over_budget_total: kernel.over_budget,
        kernel_wakes_total: kernel.wakes,
        kernel_wakes_refused_total: kernel.wakes_refused,
      }
    },
    close: async () => {
      flows.probes = undefined
      await closing
      await probes.close()
      pipeline.causality.lanes.handOvers.stop()
      await handOvers?.close()
      cost.close()
      tracer.close()
    },
  }
  return { source }
}
