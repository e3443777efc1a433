// System calls as a source: drains the kernel's ring into the connections of the pipeline.

import { basename } from "node:path"
import type { AnyBatch } from "../../model/ColumnBatch.ts"
import { FileEvents } from "../file/FileEvents.ts"
import { ProcessEvents } from "../process/ProcessEvents.ts"
import { openCompat } from "./compat/openCompat.ts"
import { DatagramFlows } from "./DatagramFlows.ts"
import { loadAddon } from "./native/Addon.ts"
import { openTracer } from "./native/openTracer.ts"
import { SocketFlows } from "./SocketFlows.ts"
import type { Opened, Source, SourceContext } from "./Source.ts"
import { tlsCompat, tlsFeature, TlsProbes } from "./tls/TlsProbes.ts"
import { Verdicts } from "./Verdicts.ts"

/** Events are taken in pieces of this size: about 2 ms of parsing. */
const bufferBytes = 1_048_576
/** Pieces taken in one go before timers and messages get their turn. */
const maxPieces = 8
/** A ring that fills more than this between two looks is drained sooner. */
const busyBytes = 16_384

const tlsOff = tlsFeature("", {
  missing: "agent.tls is off: requests over TLS are not seen",
  next: "set agent.tls to true",
})

export const openSocketSource = async (context: SourceContext): Promise<Opened> => {
  const addon = loadAddon()
  if ("missing" in addon) {
    return {
      refused: [{ name: "socket data", on: false, hook: "", missing: addon.missing, next: addon.next }],
    }
  }
  const { agent } = context.options
  const opened = await openTracer(addon, {
    payloadBytes: agent.payloadBytes,
    ringMiB: agent.ringMiB,
    kernelTypes: agent.kernelTypes,
    files: agent.files ? { slowUs: agent.fileSlowUs } : undefined,
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
  const { exclusions, log, processes } = context
  const forbidden = new Set(agent.tlsExcludePrograms)
  const isForbidden = (pid: number): boolean => {
    const info = exclusions.has(pid) ? undefined : processes.get(pid)?.info
    return info === undefined || forbidden.has(info.comm) || forbidden.has(basename(info.exe))
  }
  const isCompat = tracer.hook === "compat"
  const tls = agent.tls && !isCompat ? new TlsProbes({ target: tracer, isForbidden, log }) : undefined
  const ends = isCompat ? openCompat(tracer, processes, (port) => exclusions.ports.has(port)) : undefined
  const clockOffsetNs = addon.clockOffsetNs()
  const emit = (batch: AnyBatch): void => context.pipeline.emit(batch)
  const files =
    agent.files && !isCompat
      ? new FileEvents({
          processes,
          clockOffsetNs,
          takeSums: (keys, sums) => tracer.takeFileSums(keys, sums),
          emit,
          servedBy: (tgid, tid, coroutine) => context.pipeline.causality.servedBy(tgid, tid, coroutine),
        })
      : undefined
  const lives = agent.processEvents
    ? new ProcessEvents({ processes, clockOffsetNs, emit, maskArguments: agent.maskLiterals })
    : undefined
  const flows = new SocketFlows({
    connections: context.pipeline.connections,
    flowLog: context.pipeline.flowLog,
    processes: context.processes,
    causality: context.pipeline.causality,
    clockOffsetNs,
    exclusions,
    verdicts,
    datagrams,
    tls,
    files,
    lives,
  })
  const buffer = new Uint8Array(bufferBytes)
  const view = new DataView(buffer.buffer)

  let lostBefore = 0
  const source: Source = {
    tier: 1,
    by: "socket data",
    limit: undefined,
    get features() {
      return [...tracer.features, ...refused, tls?.feature ?? (isCompat ? tlsCompat : tlsOff)]
    },
    drain: (nowMs) => {
      let total = 0
      const lost = tracer.counters().ring_full
      context.pipeline.causality.blind(lost !== lostBefore)
      lostBefore = lost
      verdicts.isAwaited = false
      for (let piece = 0; piece < maxPieces; piece++) {
        const length = tracer.poll(buffer)
        if (length === 0) break
        flows.consume(buffer, view, ends?.complete(buffer, view, length) ?? length, nowMs)
        total += length
        if (length < bufferBytes / 2) break
      }
      verdicts.flush()
      tls?.look()
      return total > busyBytes || verdicts.isAwaited
    },
    expire: (nowUs) => {
      flows.expire(nowUs)
      tls?.expire(nowUs / 1_000)
    },
    flush: (nowUs, isLast) => {
      lives?.flush()
      if (isLast) files?.end(nowUs)
      else files?.flush(nowUs)
    },
    stats: () => {
      const kernel = tracer.counters()
      return {
        ...flows.counters,
        ...verdicts.stats(),
        ...datagrams.counters,
        ...tls?.stats(),
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
      }
    },
    close: async () => {
      await tls?.close()
      tracer.close()
    },
  }
  return { source }
}
