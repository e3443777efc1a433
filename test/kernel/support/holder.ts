// Holds a tracer and a packet ring until it ends, as a program of its own or as a worker thread. Says "open" when it has them.

import { isMainThread, parentPort } from "node:worker_threads"
import { packetFilter } from "../../../src/agent/capture/cbpf.ts"
import { loadAddon } from "../../../src/agent/capture/native/Addon.ts"
import { openSocketTracer, SocketTracer } from "../../../src/agent/capture/native/SocketTracer.ts"

const addon = loadAddon()
if ("missing" in addon) throw new Error(addon.missing)
const tracer = openSocketTracer(addon, { payloadBytes: 1_024, ringMiB: 1 })
if (!(tracer instanceof SocketTracer)) throw new Error(tracer.refused[0]!.missing)
const ring = addon.openPackets("lo", packetFilter({ rejectPorts: [] }), 4, 65_536, 10)
const buffer = new Uint8Array(1_048_576)
setInterval(() => {
  tracer.poll(buffer)
  addon.pollPackets(ring, buffer)
}, 5)
if (isMainThread) process.stdout.write("open\n")
else parentPort!.postMessage("open")
