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
import { backend, goCompiler, joined, load, pythonExecutor, pythonThreads } from "./support/chains.ts"
import { goFanOut, goHttp2, loadHttp2 } from "./support/goChains.ts"
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

  const wrk = (connections: number, lasts: number) => async (front: Program) => {
    await load(front, connections, lasts, folder)
  }

  /** Shares of the calls to the upstream, and the counters at the end. `first`: it is seen that work is handed over. */
  const see = async (
    start: () => Promise<Program>,
    first: (front: Program) => Promise<void>,
    then: (front: Program) => Promise<void>,
    isGo = false,
  ) => {
    const capturing: Capturing = await startCapturing({ ringMiB: 128, tls: isGo })
    let front: Program | undefined
    try {
      front = await start()
      if (isGo) await hooked(capturing)
      await first(front)
      await capturing.settle()
      const before = capturing.rows().length
      await then(front)
      await capturing.settle()
      const stats = capturing.stats()
      await capturing.stop()
      expect(capturing.lost()).toBe(0)
      const { right, unknown, wrong } = joined(capturing.rows().slice(before), front.port, upstream.port)
      const all = right + unknown + wrong
      expect(all).toBeGreaterThan(100)
      return { right: right / all, wrong: wrong / all, wakes: stats["kernel_wakes_total"]! }
    } finally {
      await front?.stop()
    }
  }

  it("to an executor in Python, whose threads also wake each other by the interpreter's lock", async () => {
    for (const connections of [1, 16]) {
      const { right, wakes, wrong } = await see(
        () => pythonExecutor(upstream.port),
        wrk(connections, 1),
        wrk(connections, seconds),
      )
      expect(wakes).toBeGreaterThan(100)
      expect(wrong).toBeLessThanOrEqual(0.01)
      if (connections === 1) expect(right).toBeGreaterThanOrEqual(0.9)
    }
  })

  it("is not looked for where each thread serves by itself", async () => {
    const { right, wakes } = await see(
      () => pythonThreads(upstream.port, store.port),
      wrk(16, 1),
      wrk(16, seconds),
    )
    expect(right).toBeGreaterThanOrEqual(0.99)
    expect(wakes).toBe(0)
  })

  describeSystem("in Go", [goCompiler], () => {
    it("to goroutines that a handler starts", async () => {
      const { right, wakes, wrong } = await see(
        () => goFanOut(upstream.port, join(folder, "go")),
        wrk(16, 1),
        wrk(16, seconds),
        true,
      )
      expect(wakes).toBeGreaterThan(100)
      expect(wrong).toBe(0)
      expect(right).toBeGreaterThanOrEqual(0.95)
    })

    for (const [connections, streams, least] of [
      [8, 1, 0.9],
      [2, 8, 0.2],
    ] as const)
      it(`to the goroutines of ${streams} streams at once, of HTTP/2`, async () => {
        const asks = (first: number, requests: number) => async (front: Program) => {
          await loadHttp2(front.port, { connections, first, requests, streams })
          await sleep(500)
        }
        const start = () => goHttp2(upstream.port, join(folder, "go"))
        const { right, wrong } = await see(start, asks(1, 500), asks(1_000, 1_000), true)
        expect(wrong).toBe(0)
        expect(right).toBeGreaterThanOrEqual(least)
      })
  })
})
