// A program of its own: opens a tracer, lets one Python script run beside it, prints what the tracer saw as JSON. A process for
// each scenario, because the tracepoint variant needs a mount namespace with tracefs.

import { spawn } from "node:child_process"
import { once } from "node:events"
import { readdirSync } from "node:fs"
import { createInterface } from "node:readline"
import { fileKey, fileSum, kernelCounters, kernelScope } from "../../../src/agent/capture/layout.gen.ts"
import { DatagramSums } from "../../../src/agent/capture/DatagramSums.ts"
import { loadAddon } from "../../../src/agent/capture/native/Addon.ts"
import { openSocketTracer, SocketTracer } from "../../../src/agent/capture/native/SocketTracer.ts"
import { decodeEvents, decodeFlows, type FlowEvent, type KernelEvent } from "./events.ts"
import type { Traced, TraceOptions } from "./tracing.ts"

const options = JSON.parse(process.argv[2]!) as TraceOptions

const open = (): SocketTracer => {
  const addon = loadAddon()
  if ("missing" in addon) throw new Error(`${addon.missing}; ${addon.next}`)
  const tracer = openSocketTracer(addon, {
    payloadBytes: options.payloadBytes ?? 1_024,
    ringMiB: options.ringMiB ?? 16,
    files: options.files,
    ...(options.offersPerCpu === undefined ? {} : { offersPerCpu: options.offersPerCpu }),
    ...(options.eventsPerProcess === undefined ? {} : { eventsPerProcess: options.eventsPerProcess }),
    onlyCounted: options.isPayloadRead === false ? { missing: "the scenario", next: "" } : undefined,
    only: options.hook ?? "tp_btf direct",
    ...(options.objectPath === undefined ? {} : { objectPath: options.objectPath }),
  })
  if (!(tracer instanceof SocketTracer)) throw new Error(tracer.refused[0]!.missing)
  return tracer
}

const buffer = new Uint8Array(8 * 1_048_576)
const events: Array<KernelEvent> = []
const drain = (tracer: SocketTracer): void => {
  for (let length = tracer.poll(buffer); length > 0; length = tracer.poll(buffer)) {
    events.push(...decodeEvents(buffer, length))
  }
}

const early = options.isLate === true ? undefined : open()
const child = spawn("/usr/bin/python3", ["-u", "-c", options.script], { stdio: ["pipe", "pipe", "inherit"] })
const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
const line = async (): Promise<string> => {
  const next = await lines.next()
  if (next.done === true) throw new Error("the script ended too early")
  return next.value
}
await line()
const tracer = early ?? open()
// What other programs of the machine do takes no room in the ring.
for (const name of readdirSync("/proc")) {
  if (/^\d+$/.test(name) && Number(name) !== child.pid) tracer.excludeProcess(Number(name))
}
const scopeOf = (option: boolean | number): number => (option === true ? kernelScope.none : Number(option))
if (options.excludeProcess && !tracer.excludeProcess(child.pid!, scopeOf(options.excludeProcess)))
  throw new Error("the kernel has no room for the process")
if (options.excludeProcess) {
  // What its start read from files, before it was excluded, is told of with good reason.
  drain(tracer)
  events.length = 0
}
if (options.otherPorts !== undefined) tracer.limitOtherPorts(options.otherPorts)
let result: { readonly ports?: ReadonlyArray<number> } = {}
if (options.excludePort !== undefined && options.excludePort !== false)
  tracer.excludePort(Number(await line()), scopeOf(options.excludePort))
if (options.isLate === true) tracer.findOwners()
const drained = options.isDrained === false ? undefined : setInterval(() => drain(tracer), 5)
drain(tracer)
const before = tracer.counters()
child.stdin.write("go\n")
result = JSON.parse(await line()) as typeof result
clearInterval(drained)
const now = tracer.counters()
const counters = Object.fromEntries(
  kernelCounters.map((name) => [name, now[name] - before[name]]),
) as Traced["counters"]
drain(tracer)
const flows: Array<FlowEvent> = []
tracer.readFlows((bytes, length) => flows.push(...decodeFlows(bytes, length)))
child.stdin.end("end\n")
await once(child, "close")
if (options.isDrained !== false) drain(tracer)
const keys = new Uint8Array(8_192 * fileKey.size)
const sums = new Uint8Array(8_192 * fileSum.size)
const fileSums: Record<number, { count: number; bytes: number }> = {}
for (let i = tracer.takeFileSums(keys, sums) - 1; i >= 0; i--) {
  const key = new DataView(keys.buffer, i * fileKey.size)
  const sum = new DataView(sums.buffer, i * fileSum.size)
  if (key.getUint32(fileKey.tgid, true) !== child.pid) continue
  const count = Number(sum.getBigUint64(fileSum.count, true))
  const operation = key.getUint32(fileKey.operation, true)
  if (count < (fileSums[operation]?.count ?? 0)) continue
  fileSums[operation] = { count, bytes: Number(sum.getBigUint64(fileSum.bytes, true)) }
}
const datagramSums: Array<Traced["datagramSums"][number]> = []
new DatagramSums((keys, sums) => tracer.takeDatagramSums(keys, sums), 0).each(
  ({ isAsked, localPort, received, receivedBytes, remotePort, sent, sentBytes, tgid }) => {
    if (tgid !== child.pid) return
    datagramSums.push({ localPort, remotePort, isAsked, sent, sentBytes, received, receivedBytes })
  },
)
tracer.close()
process.stdout.write(
  JSON.stringify({
    events,
    flows,
    counters,
    result,
    pid: child.pid!,
    fileSums,
    datagramSums,
  } satisfies Traced),
)
