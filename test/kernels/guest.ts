// Runs inside a guest: tries every way to hook system calls, then the whole capture by system calls and by packets on a real
// exchange. Prints a line for each. Uses nothing but Node and this checkout's agent.

import { Buffer } from "node:buffer"
import { execFileSync } from "node:child_process"
import { createSocket } from "node:dgram"
import { existsSync, readFileSync } from "node:fs"
import { open } from "node:fs/promises"
import { createServer, get } from "node:http"
import { createServer as createSecureServer, get as getSecurely } from "node:https"
import { release } from "node:os"
import { connect } from "node:tls"
import { setTimeout as sleep } from "node:timers/promises"
import { Exclusions } from "../../src/agent/capture/Exclusions.ts"
import { DatagramSums } from "../../src/agent/capture/DatagramSums.ts"
import { loadAddon } from "../../src/agent/capture/native/Addon.ts"
import { type HookKind, openSocketTracer, SocketTracer } from "../../src/agent/capture/native/SocketTracer.ts"
import type { CaptureOptions } from "../../src/agent/capture/messages.ts"
import { openSource } from "../../src/agent/capture/Source.ts"
import { Shedding } from "../../src/agent/capture/Shedding.ts"
import { Pipeline } from "../../src/agent/Pipeline.ts"
import { ProcessTable } from "../../src/agent/process/ProcessTable.ts"
import type { Finding } from "./boot.ts"

const say = (what: Finding | { readonly release: string }): void => {
  process.stdout.write(`found ${JSON.stringify(what)}\n`)
}

const { agent } = JSON.parse(readFileSync("options.json", "utf8")) as Pick<CaptureOptions, "agent">
const path = "/orders/7"
const server = createServer((_request, response) => response.end("hello"))
await new Promise<void>((resolve) => server.listen(8_080, "127.0.0.1", resolve))

const ask = (): Promise<void> =>
  new Promise((resolve, reject) => {
    get({ host: "127.0.0.1", port: 8_080, path, agent: false }, (response) => {
      response.resume().once("end", resolve)
    }).once("error", reject)
  })

const message = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause))

const tryHook = async (only: HookKind): Promise<Finding> => {
  const feature = `system calls by ${only}`
  const addon = loadAddon()
  if ("missing" in addon) return { feature, on: false, detail: addon.missing }
  const tracer = openSocketTracer(addon, { payloadBytes: 1_024, ringMiB: 1, only })
  if (!(tracer instanceof SocketTracer)) return { feature, on: false, detail: tracer.refused[0]!.missing }
  try {
    await ask()
    await sleep(100)
    const buffer = new Uint8Array(1_048_576)
    const said = Buffer.from(buffer.buffer, 0, tracer.poll(buffer)).toString("latin1")
    const [sent, answered] = [said.split(`GET ${path}`).length - 1, said.split("HTTP/1.1 200").length - 1]
    // The client's and the server's call each.
    const on = sent === 2 && answered === 2
    return { feature, on, detail: `${sent} calls with the request, ${answered} with the answer` }
  } finally {
    tracer.close()
  }
}

/** Several threads write one file at once: all but one wait for it. No disk is needed for that. */
const waitForFile = async (): Promise<void> => {
  const file = await open("/contended", "w")
  const bytes = Buffer.alloc(4 * 1_048_576)
  await Promise.all(Array.from({ length: 12 }, (_, i) => file.write(bytes, 0, bytes.length, i % 2)))
  await file.close()
}

const tryFiles = async (only: HookKind): Promise<Finding> => {
  const feature = `waits for files by ${only}`
  const addon = loadAddon()
  if ("missing" in addon) return { feature, on: false, detail: addon.missing }
  const tracer = openSocketTracer(addon, { payloadBytes: 1_024, ringMiB: 1, only, files: { slowUs: 0 } })
  if (!(tracer instanceof SocketTracer)) return { feature, on: false, detail: tracer.refused[0]!.missing }
  try {
    await waitForFile()
    await sleep(100)
    const buffer = new Uint8Array(1_048_576)
    const said = Buffer.from(buffer.buffer, 0, tracer.poll(buffer)).toString("latin1")
    const waits = said.split("contended\0").length - 1
    const missing = tracer.features.map((one) => one.missing).join("; ")
    return { feature, on: waits > 0, detail: `${waits} writes that waited ${missing}` }
  } finally {
    tracer.close()
  }
}

const datagramPort = 5_400

/** Six questions and answers over two sockets that are not connected. */
const askByDatagrams = async (): Promise<void> => {
  const [asked, asking] = [createSocket("udp4"), createSocket("udp4")]
  asked.on("message", (_text, { address, port }) => asked.send("answer", port, address))
  await new Promise<void>((resolve) => asked.bind(datagramPort, "127.0.0.1", resolve))
  for (let i = 0; i < 6; i++)
    await new Promise<unknown>((resolve) => {
      asking.once("message", resolve)
      asking.send("ask", datagramPort, "127.0.0.1")
    })
  asked.close()
  asking.close()
}

const tryDatagrams = async (only: HookKind): Promise<Finding> => {
  const feature = `datagrams by ${only}`
  const addon = loadAddon()
  if ("missing" in addon) return { feature, on: false, detail: addon.missing }
  const tracer = openSocketTracer(addon, { payloadBytes: 1_024, ringMiB: 1, only })
  if (!(tracer instanceof SocketTracer)) return { feature, on: false, detail: tracer.refused[0]!.missing }
  try {
    await askByDatagrams()
    await sleep(100)
    const sums: Array<string> = []
    new DatagramSums((keys, values) => tracer.takeDatagramSums(keys, values), 0).each(
      ({ isAsked, localPort, received, receivedBytes, remotePort, sent, sentBytes, tgid }) => {
        if (tgid !== process.pid) return
        const isServer = localPort === datagramPort
        if (isServer === isAsked && (isServer || remotePort === datagramPort))
          sums.push(`${isServer ? "server" : "client"} ${sent}/${sentBytes} ${received}/${receivedBytes}`)
      },
    )
    const { offered } = tracer.counters()
    const detail = `${sums.toSorted().join(", ")}; ${offered} offered`
    // Four calls of each socket are offered.
    return { feature, on: detail === "client 6/18 6/36, server 6/36 6/18; 8 offered", detail }
  } finally {
    tracer.close()
  }
}

/** TLS by a key that both sides have: needs no certificate. */
const preshared = { ciphers: "PSK", maxVersion: "TLSv1.2" } as const
const key = Buffer.alloc(32, 7)
const secure = createSecureServer({ ...preshared, pskCallback: () => key }, (_request, response) =>
  response.end("hello"),
)
await new Promise<void>((resolve) => secure.listen(8_443, "127.0.0.1", resolve))

const askSecurely = (): Promise<void> =>
  new Promise((resolve, reject) => {
    const socket = connect({
      host: "127.0.0.1",
      port: 8_443,
      ...preshared,
      pskCallback: () => ({ psk: key, identity: "guest" }),
      checkServerIdentity: () => undefined,
    })
    getSecurely({ host: "127.0.0.1", path, createConnection: () => socket }, (response) => {
      response.resume().once("end", resolve)
    }).once("error", reject)
  })

const ownTypes = "/sys/kernel/btf/vmlinux"

const features = {
  metrics: "connections by TCP's counters",
  ebpf: "requests by system calls",
  packets: "requests by packets",
  tls: "requests within TLS",
} as const

const tryCapture = async (kind: keyof typeof features, kernelTypes = ""): Promise<Finding> => {
  const feature = existsSync(ownTypes) ? features[kind] : `${features[kind]}, types from a file`
  const capture = kind === "packets" ? "packets" : "ebpf"
  const sessions: Array<string> = []
  let connections = 0
  const pipeline = new Pipeline({
    maskLiterals: true,
    sessionTimeoutUs: 10_000_000,
    maxConnections: 1_024,
    flowIdSeed: 1,
    emit: (batch) => {
      if (batch.kind !== "l4") return
      const { byte_rx: answered, byte_tx: asked, server_port: ports } = batch.columns
      for (let row = 0; row < batch.rows; row++)
        if (ports[row] === 8_080 && asked[row]! > 0 && answered[row]! > 0) connections++
    },
    onSession: ({ request, response }, { isTls }) =>
      isTls === (kind === "tls") &&
      sessions.push(`${request?.requestType} ${request?.requestResource} ${response?.code}`),
  })
  const processes = new ProcessTable()
  processes.refresh(Date.now())
  const source = await openSource({
    options: {
      agent: { ...agent, capture, kernelTypes, payload: kind === "metrics" ? "metrics" : "full" },
      excludePids: [],
      excludePorts: [],
    },
    exclusions: new Exclusions([], [], []),
    pipeline,
    processes,
    shedding: new Shedding(),
    log: () => undefined,
  })
  if (source.by === "none")
    return { feature, on: false, detail: source.features.map(({ missing }) => missing).join("; ") }
  const drain = async (): Promise<void> => {
    await sleep(50)
    const now = Date.now()
    pipeline.tick(now * 1_000)
    source.drain(now)
  }
  // Hooks come a little after the start.
  const most = kind === "tls" ? 200 : 0
  for (let i = 0; i < most && source.stats()["tls_files"] === 0; i++) await drain()
  for (let i = 0; i < 3; i++) await (kind === "tls" ? askSecurely() : ask())
  for (let i = 0; i < 20; i++) await drain()
  source.expire(Date.now() * 1_000)
  pipeline.end(Date.now() * 1_000)
  await source.close()
  // Each request is a connection of its own, seen at both ends.
  if (kind === "metrics")
    return { feature, on: connections === 6, detail: `${connections} connections with bytes both ways` }
  const wanted = sessions.filter((session) => session === `GET ${path} 200`).length
  const hook =
    source.features.find(({ name, on }) => on && name.includes("TLS") === (kind === "tls"))?.hook ?? ""
  // By system calls at both sides.
  const on = wanted === (capture === "ebpf" ? 6 : 3)
  const missing = source.features.map((one) => one.missing).join("; ")
  return { feature, on, detail: `${wanted} of ${sessions.length} requests, by ${hook}; ${missing}` }
}

/** Of the oldest kernel, or for that of the newest: what Sonde reads lies elsewhere there. */
const foreign = `build/bpf/foreign/${release()}.btf`

const tryForeign = async (): Promise<Omit<Finding, "feature">> => {
  const { detail, on } = await tryCapture("ebpf", foreign).catch((cause: unknown) => ({
    on: true,
    detail: message(cause),
  }))
  // By the look at what they make of a connection, or because the kernel refuses programs with their offsets.
  return { on: on && detail.includes("old kernels"), detail }
}

say({ release: release() })
for (const kind of ["tp_btf direct", "tp_btf", "raw_tp", "tracepoint"] as const)
  say(
    await tryHook(kind).catch((cause: unknown) => ({
      feature: `system calls by ${kind}`,
      on: false,
      detail: message(cause),
    })),
  )
for (const kind of ["tp_btf", "raw_tp", "tracepoint"] as const)
  say(
    await tryFiles(kind).catch((cause: unknown) => ({
      feature: `waits for files by ${kind}`,
      on: false,
      detail: message(cause),
    })),
  )
for (const kind of ["tp_btf", "raw_tp", "tracepoint"] as const)
  say(
    await tryDatagrams(kind).catch((cause: unknown) => ({
      feature: `datagrams by ${kind}`,
      on: false,
      detail: message(cause),
    })),
  )
for (const kind of ["metrics", "ebpf", "packets", "tls"] as const)
  say(
    await tryCapture(kind).catch((cause: unknown) => ({
      feature: features[kind],
      on: false,
      detail: message(cause),
    })),
  )
// A kernel that does not tell its types: they are in a file named by its release, among those that come with Sonde.
execFileSync("/bin/mount", ["-t", "tmpfs", "none", "/sys/kernel/btf"])
for (const kind of ["ebpf", "tls"] as const)
  say(
    await tryCapture(kind).catch((cause: unknown) => ({
      feature: `${features[kind]}, types from a file`,
      on: false,
      detail: message(cause),
    })),
  )
const { detail, on } = await tryForeign()
say({ feature: "types of another kernel are refused", on, detail })
// Neither the kernel nor a file tells them: what is left are the programs for old kernels.
execFileSync("/bin/mount", ["-t", "tmpfs", "none", "build/bpf/btf"])
const old = await tryCapture("ebpf").catch((cause: unknown) => ({ on: false, detail: message(cause) }))
say({ feature: "requests by the programs for old kernels", on: old.on, detail: old.detail })
server.close()
secure.close()
process.exit(0)
