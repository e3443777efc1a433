// Work that goes to another thread or goroutine and comes back is joined with the request that it is for; programs that hand nothing over are
// not watched. What a server asks for says for whom, so that every join can be checked.

import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { afterAll, beforeAll, expect, it } from "vitest"
import { type Program, redis } from "../system/support/programs.ts"
import { describeSystem } from "../system/support/system.ts"
import { type Capturing, startCapturing } from "./support/capturing.ts"
import {
  backend,
  goCompiler,
  goFanOut,
  joined,
  load,
  pythonExecutor,
  pythonThreads,
} from "./support/chains.ts"
import { needed } from "./support/tracing.ts"

const seconds = 2

/** Until it is known for which goroutines connections are used. */
const hooked = async (capturing: Capturing): Promise<void> => {
  for (let i = 0; i < 400 && !capturing.tlsHook().includes("(Go)"); i++) await sleep(50)
  expect(capturing.tlsHook()).toContain("(Go)")
}

describeSystem("work that is handed over", [...needed, "/usr/bin/redis-server", "/usr/bin/wrk"], () => {
  const folder = mkdtempSync(join(tmpdir(), "sonde-hand-overs-"))
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

  /** Shares of the calls to the upstream, and the counters at the end. */
  const see = async (start: () => Promise<Program>, connections: number, isGo = false) => {
    const capturing: Capturing = await startCapturing({ ringMiB: 128, tls: isGo })
    let front: Program | undefined
    let stats: Readonly<Record<string, number>>
    try {
      front = await start()
      if (isGo) await hooked(capturing)
      // It is seen first that work is handed over.
      await load(front, connections, 1, folder)
      await capturing.settle()
      const before = capturing.rows().length
      await load(front, connections, seconds, folder)
      await capturing.settle()
      stats = capturing.stats()
      await capturing.stop()
      const { right, unknown, wrong } = joined(capturing.rows().slice(before), front.port, upstream.port)
      const all = right + unknown + wrong
      expect(all).toBeGreaterThan(100)
      return { right: right / all, wrong: wrong / all, stats, lost: capturing.lost() }
    } finally {
      await front?.stop()
    }
  }

  it("to an executor in Python, whose threads also wake each other by the interpreter's lock", async () => {
    for (const connections of [1, 16]) {
      const { lost, right, stats, wrong } = await see(() => pythonExecutor(upstream.port), connections)
      expect(lost).toBe(0)
      expect(stats["kernel_wakes_total"]).toBeGreaterThan(100)
      expect(wrong).toBeLessThanOrEqual(0.01)
      if (connections === 1) expect(right).toBeGreaterThanOrEqual(0.9)
    }
  })

  it("is not looked for where each thread serves by itself", async () => {
    const { right, stats } = await see(() => pythonThreads(upstream.port, store.port), 16)
    expect(right).toBeGreaterThanOrEqual(0.99)
    expect(stats["kernel_wakes_total"]).toBe(0)
  })

  describeSystem("in Go", [goCompiler], () => {
    it("to goroutines that a handler starts", async () => {
      const { right, stats, wrong } = await see(() => goFanOut(upstream.port, join(folder, "go")), 16, true)
      expect(stats["kernel_wakes_total"]).toBeGreaterThan(100)
      expect(wrong).toBe(0)
      expect(right).toBeGreaterThanOrEqual(0.95)
    })
  })
})
