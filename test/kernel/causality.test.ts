// The requests that real servers make are joined with those that they serve, under many clients at once. What a server asks for says for
// whom it asks, so that every join can be checked: hardly any may be wrong, and few may be missing.

import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { afterAll, beforeAll, expect, it } from "vitest"
import { type Program, redis } from "../system/support/programs.ts"
import { describeSystem } from "../system/support/system.ts"
import { type Capturing, startCapturing } from "./support/capturing.ts"
import {
  aiohttpServer,
  asyncioProxy,
  asyncioTasks,
  backend,
  goCompiler,
  goServer,
  joined,
  lacksPython,
  load,
  nginxProxy,
  nodeProxy,
  pythonQueue,
  pythonThreads,
} from "./support/chains.ts"
import { needed } from "./support/tracing.ts"

const seconds = 2

/** Waits until a Go program, asyncio, or all that is there has its hooks. */
const hooked = async (capturing: Capturing, library: "Go" | "OpenSSL" | "asyncio"): Promise<void> => {
  const isReady = (): boolean => {
    if (library === "Go") return capturing.tlsHook().includes("(Go)")
    const { asyncio_files: modules = 0, probes_waiting: waiting } = capturing.stats()
    return library === "asyncio" ? modules > 0 : waiting === 0
  }
  for (let i = 0; i < 400 && !isReady(); i++) await sleep(50)
  expect(isReady()).toBe(true)
}

interface Expected {
  /** Shares of the calls. */
  readonly right: number
  readonly wrong: number
  /** The front server asks Redis, too. */
  readonly asksRedis?: boolean
  readonly connections?: number
  /** TLS is looked into, which finds Go programs, too. */
  readonly tls?: "Go" | "OpenSSL"
  /** Tasks of asyncio are followed. */
  readonly asyncio?: true
}

const lacking = lacksPython("aiohttp", "redis")
if (lacking !== "") console.warn(`SKIPPED calls of aiohttp: needs ${lacking}`)

const servers = ["/usr/sbin/nginx", "/usr/bin/redis-server", "/usr/bin/wrk"]

describeSystem("calls of servers", [...needed, ...servers], () => {
  const folder = mkdtempSync(join(tmpdir(), "sonde-chains-"))
  let upstream: Program
  let store: Program
  beforeAll(async () => {
    upstream = await backend()
    store = await redis()
  })
  afterAll(async () => {
    await upstream.stop()
    await store.stop()
    rmSync(folder, { recursive: true, force: true })
  })

  const check = async (start: () => Promise<Program>, expected: Expected): Promise<void> => {
    const { asyncio = false, tls } = expected
    const capturing = await startCapturing({
      ringMiB: 128,
      tls: tls !== undefined,
      asyncio,
      // nginx at full speed makes more than are usually taken of one process.
      eventsPerProcess: 0,
    })
    let front: Program | undefined
    try {
      front = await start()
      const library = tls ?? (asyncio ? "asyncio" : undefined)
      if (library !== undefined) await hooked(capturing, library)
      await load(front, expected.connections ?? 64, seconds, folder, expected.tls === "OpenSSL")
      await capturing.settle()
      await capturing.settle()
    } finally {
      await capturing.stop()
      await front?.stop()
    }
    expect(capturing.lost()).toBe(0)
    for (const { port } of expected.asksRedis === true ? [upstream, store] : [upstream]) {
      const { right, unknown, wrong } = joined(capturing.rows(), front.port, port)
      const all = right + unknown + wrong
      expect(all).toBeGreaterThan(100)
      expect(wrong / all).toBeLessThanOrEqual(expected.wrong)
      expect(right / all).toBeGreaterThanOrEqual(expected.right)
    }
  }

  it("are those of the thread, in a server with a thread for each connection", () =>
    check(() => pythonThreads(upstream.port, store.port), { right: 0.99, wrong: 0, asksRedis: true }))

  for (const connections of [1, 128])
    it(`are told apart in nginx, with ${connections} connections`, async () => {
      for (const isKept of [false, true])
        await check(() => nginxProxy(upstream.port, isKept), { right: 0.95, wrong: 0.005, connections })
    })

  for (const [way, right] of [
    ["pipe", 0.95],
    ["chain", 0.95],
    ["parallel", 0.85],
    ["timer", 0.9],
  ] as const)
    it(`are told apart in Node: ${way}`, () =>
      check(() => nodeProxy(upstream.port, way), { right, wrong: 0.005, connections: 128 }))

  it("are those of the worker that answers, where another thread reads", () =>
    check(() => pythonQueue(upstream.port), { right: 0.95, wrong: 0.005 }))

  it("are joined with requests that came within TLS", async () => {
    const tls = { tls: "OpenSSL", wrong: 0.005, connections: 32 } as const
    await check(() => pythonThreads(upstream.port, store.port, true), { ...tls, right: 0.95 })
    await check(() => nodeProxy(upstream.port, "pipe", true), { ...tls, right: 0.9 })
  })

  it("are told apart in an event loop of which nothing but the order is known: asyncio", () =>
    check(() => asyncioProxy(upstream.port), { right: 0.8, wrong: 0.005, connections: 16 }))

  for (const connections of [16, 128]) {
    const tasks = { right: 0.95, wrong: 0.005, connections, asyncio: true } as const
    it(`are those of the task for each connection, with ${connections} connections`, () =>
      check(() => asyncioProxy(upstream.port), tasks))

    it(`are those of the tasks that it made and waited for, with ${connections} connections`, () =>
      check(() => asyncioTasks(upstream.port), tasks))

    it.skipIf(lacking !== "")(`are those of the task for each request, with ${connections} connections`, () =>
      check(() => aiohttpServer(upstream.port, store.port), { ...tasks, asksRedis: true }),
    )
  }

  describeSystem("of Go", [goCompiler], () => {
    it("are those of the goroutine, also where another one writes them", () =>
      check(() => goServer(upstream.port, store.port, join(folder, "go")), {
        ...{ right: 0.99, wrong: 0, asksRedis: true, tls: "Go" },
      }))
  })
})
