// Scenarios for the tracer: a Python script moves bytes over TCP with chosen system calls, `trace` says what the kernel side
// made of it. Events are told apart from those of other programs by the script's process.

import { spawnSync } from "node:child_process"
import { existsSync } from "node:fs"
import { fileURLToPath } from "node:url"
import type { DatagramSum } from "../../../src/agent/capture/DatagramSums.ts"
import type { kernelCounters } from "../../../src/agent/capture/layout.gen.ts"
import type { FileOptions, HookKind } from "../../../src/agent/capture/native/SocketTracer.ts"
import type { DataEvent, FlowEvent, KernelEvent } from "./events.ts"

export interface TraceOptions {
  /** Ends with `done(...)`; begins before the tracer when `isLate`, and then calls `wait()` itself. */
  readonly script: string
  readonly hook?: HookKind
  readonly payloadBytes?: number
  readonly ringMiB?: number
  readonly offersPerCpu?: number
  readonly eventsPerProcess?: number
  readonly isLate?: boolean
  /** Calls on files that had to wait are followed. */
  readonly files?: FileOptions
  /** False: nothing is attached to system calls. */
  readonly isPayloadRead?: boolean
  readonly excludeProcess?: boolean | number
  /** The script prints the port before anything is sent over it. */
  readonly excludePort?: boolean | number
  /** Of ports of which nothing was said. */
  readonly otherPorts?: number
  /** False: nobody empties the ring while the script runs. */
  readonly isDrained?: boolean
  readonly objectPath?: string
}

export interface Traced {
  readonly events: ReadonlyArray<KernelEvent>
  /** What the iterator told of connections that were open when the script was done. */
  readonly flows: ReadonlyArray<FlowEvent>
  /** Since the script began. */
  readonly counters: Readonly<Record<(typeof kernelCounters)[number], number>>
  readonly result: Readonly<Record<string, unknown>>
  readonly pid: number
  /** What the kernel summed of the script's datagrams, by socket and peer. */
  readonly datagramSums: ReadonlyArray<
    Pick<
      DatagramSum,
      "localPort" | "remotePort" | "isAsked" | "sent" | "sentBytes" | "received" | "receivedBytes"
    >
  >
  /** What the kernel summed of the script's calls on files, by operation; the largest of several files. */
  readonly fileSums: Readonly<Record<number, { readonly count: number; readonly bytes: number }>>
}

export const hooks: ReadonlyArray<HookKind> = ["tp_btf direct", "tp_btf", "raw_tp", "tracepoint"]

/** What tests of the tracer need besides root. */
export const needed: ReadonlyArray<string> = [
  "/usr/bin/python3",
  "/usr/bin/unshare",
  "/sys/kernel/btf/vmlinux",
]

const prelude = `
import socket, os, sys, json, ctypes, threading, time, mmap
def wait():
    print("ready"); sys.stdin.readline()
def done(**result):
    print(json.dumps(result)); sys.stdin.readline()
def pair(family=socket.AF_INET, address=None):
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.bind((address or ("127.0.0.1" if family == socket.AF_INET else "::1"), 0)); listener.listen(8)
    client = socket.socket(family, socket.SOCK_STREAM); client.connect(listener.getsockname()[:2])
    server = listener.accept()[0]; listener.close()
    for end in (client, server): end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return client, server
def exactly(end, length):
    data = b""
    while len(data) < length: data += end.recv(length - len(data))
    return data
request = b"GET /first HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n"
answer = b"HTTP/1.1 200 OK\\r\\nContent-Length: 0\\r\\n\\r\\n"
`

const program = fileURLToPath(new URL("trace.ts", import.meta.url))

export const trace = (options: TraceOptions): Traced => {
  const script = `${prelude}${options.isLate === true ? "" : "wait()\n"}${options.script}`
  const node = [process.execPath, "--disable-warning=ExperimentalWarning", program]
  const isMounted = existsSync("/sys/kernel/tracing/events/raw_syscalls")
  const wrapper =
    options.hook === "tracepoint" && !isMounted
      ? ["unshare", "-m", "sh", "-c", 'mount -t tracefs tracefs /sys/kernel/tracing && exec "$@"', "sh"]
      : []
  const [command, ...args] = [...wrapper, ...node, JSON.stringify({ ...options, script })]
  const run = spawnSync(command!, args, { encoding: "utf8", timeout: 60_000, maxBuffer: 256 * 1_048_576 })
  if (run.status !== 0)
    throw new Error(`${options.hook ?? "tp_btf direct"}: ${run.stderr}\n${run.stdout.slice(0, 500)}`)
  return JSON.parse(run.stdout) as Traced
}

/** Data events of the script's own process, in the order of the ring. */
export const ownData = ({ events, pid }: Traced): ReadonlyArray<DataEvent> =>
  events.filter((event): event is DataEvent => event.kind === "data" && event.tgid === pid)

/** What was told of the script's connections: of those that were open at its end, of those that ended. */
export const ownFlows = ({ events, flows, pid }: Traced) => ({
  open: flows.filter(({ tgid }) => tgid === pid),
  ended: events.filter((event): event is FlowEvent => event.kind === "flow" && event.tgid === pid),
})

/** By socket and direction: events whose numbers must continue each other. */
export const streams = (events: ReadonlyArray<DataEvent>): ReadonlyMap<string, ReadonlyArray<DataEvent>> =>
  Map.groupBy(events, ({ direction, socket }) => `${socket} ${direction}`)

/** What was moved, without what differs from run to run. */
export const brief = ({ direction, length, payload, role }: DataEvent): object => ({
  direction,
  role,
  length,
  payload,
})
