// Child of ring.ts and packets.ts: the agent's capture thread alone, from the kernel's ring to encoded batches, which are thrown
// away. Prints a line when it captures and its counters as JSON at SIGTERM. Usage: node bench/captureOnly.ts [INTERFACE]: its
// packets; without one, system calls.

import { Exclusions } from "../src/agent/capture/Exclusions.ts"
import { openSource } from "../src/agent/capture/Source.ts"
import { Shedding } from "../src/agent/capture/Shedding.ts"
import { Pipeline } from "../src/agent/Pipeline.ts"
import { ProcessTable } from "../src/agent/process/ProcessTable.ts"
import { ColumnEncoder } from "../src/wire/ColumnEncoder.ts"
import { loadConfig } from "../src/runtime/Config.ts"
import * as Effect from "effect/Effect"

const busyMs = 5
const flushMs = 500

const wanted = process.argv[2]
const flags = new Map([["agent.capture", wanted === undefined ? "ebpf" : "packets"]])
if (wanted !== undefined) flags.set("agent.interface", wanted)
const { agent } = await Effect.runPromise(loadConfig({ file: undefined, environment: {}, flags }))
const encoder = new ColumnEncoder()
const processes = new ProcessTable()
processes.refresh(Date.now())
let encodedBytes = 0
const pipeline = new Pipeline({
  maskLiterals: true,
  sessionTimeoutUs: agent.sessionSeconds * 1_000_000,
  maxConnections: agent.maxConnections,
  flowIdSeed: 1,
  emit: (batch) => {
    for (const { body } of encoder.encode(batch)) encodedBytes += body.length
  },
})
const exclusions = new Exclusions([process.pid], [], agent.excludePrograms)
const source = await openSource({
  options: { agent, excludePids: [process.pid], excludePorts: [] },
  exclusions,
  pipeline,
  processes,
  shedding: new Shedding(),
  log: (_level, message) => process.stderr.write(`${message}\n`),
})

let lastFlush = Date.now()
const timer = setInterval(() => {
  const now = Date.now()
  pipeline.tick(now * 1_000)
  source.drain(now)
  if (now - lastFlush < flushMs) return
  lastFlush = now
  source.expire(now * 1_000)
  pipeline.flush(now * 1_000)
}, busyMs)

process.once("SIGTERM", () => {
  clearInterval(timer)
  source.drain(Date.now())
  const stats = source.stats()
  const delivered = stats["kernel_delivered_total"] ?? stats["packets_total"]
  const lost = stats["kernel_lost_total"] ?? stats["packets_lost_total"]
  const sessions = pipeline.stats()["sessions_total"]
  process.stdout.write(`${JSON.stringify({ delivered, lost, sessions, encodedBytes })}\n`)
  void source.close()
})
process.stdout.write("capturing\n")
