import { spawn } from "node:child_process"
import { once } from "node:events"
import { existsSync } from "node:fs"
import { describe, expect, it } from "vitest"
import { HandOverHooks, type WakeTarget } from "./HandOverHooks.ts"
import type { Probes } from "./native/Addon.ts"
import type { Probe } from "./probes/LibraryProbes.ts"

/** The kernel's side, as far as it is asked for anything. */
class Target implements WakeTarget {
  readonly watched = new Set<number>()
  room = 2
  tells = true
  refuses = false
  attached = 0
  readonly probes: Array<ReadonlyArray<Probe>> = []

  watch(tgid: number): boolean {
    if (this.watched.size >= this.room) return false
    this.watched.add(tgid)
    return true
  }

  unwatch(tgid: number): void {
    this.watched.delete(tgid)
  }

  attachWaking(): boolean {
    if (this.tells) this.attached++
    return this.tells
  }

  detachWaking(): void {
    this.attached--
  }

  attachProbes(_path: string, probes: ReadonlyArray<Probe>): Promise<Probes> {
    if (this.refuses) return Promise.reject(new Error("no"))
    this.probes.push(probes)
    return Promise.resolve(probes as unknown as Probes)
  }

  detachProbes(probes: Probes): Promise<void> {
    this.probes.splice(this.probes.indexOf(probes as unknown as ReadonlyArray<Probe>), 1)
    return Promise.resolve()
  }
}

describe("hooks on wake-ups of threads", () => {
  it("are there while a process is watched", () => {
    const target = new Target()
    const hooks = new HandOverHooks(target)
    expect([hooks.watch(1, false), hooks.watch(2, false), hooks.watch(3, false)]).toEqual([true, true, false])
    expect(target.attached).toBe(1)
    hooks.unwatch(1)
    expect(target.attached).toBe(1)
    hooks.unwatch(2)
    hooks.unwatch(2)
    expect(target.attached).toBe(0)
    expect(target.watched.size).toBe(0)
  })

  it("are not had where the kernel does not tell, and end with the capture", async () => {
    const target = new Target()
    target.tells = false
    const hooks = new HandOverHooks(target)
    expect(hooks.watch(1, false)).toBe(false)
    expect([target.watched.size, hooks.failed]).toEqual([0, 1])
    target.tells = true
    hooks.watch(1, false)
    await hooks.close()
    expect([target.watched.size, target.attached]).toEqual([0, 0])
  })
})

describe("hooks in Go programs", () => {
  it("are not set where there is no Go runtime, or no process any more", () => {
    const target = new Target()
    const hooks = new HandOverHooks(target)
    expect([hooks.watch(process.pid, true), hooks.watch(2 ** 22 + 1, true)]).toEqual([false, false])
    expect(target.watched.size).toBe(0)
  })

  const program = "/usr/local/go/bin/gofmt"
  it.skipIf(!existsSync(program))("are set once in a file, until no process of it is watched", async () => {
    // Waits for a program on its standard input that never comes.
    const begin = () => spawn(program, { stdio: ["pipe", "ignore", "ignore"] })
    const children = [begin(), begin()]
    const [one, other] = children.map(({ pid }) => pid!) as [number, number]
    const target = new Target()
    const hooks = new HandOverHooks(target)
    try {
      await Promise.all(children.map((child) => once(child, "spawn")))
      expect([hooks.watch(one, true), hooks.watch(other, true)]).toEqual([true, true])
      await hooks.settle()
      expect(target.attached).toBe(0)
      const [probes] = target.probes
      expect(target.probes.length).toBe(1)
      expect(probes?.map(([name]) => name)).toEqual(
        expect.arrayContaining(["sonde_go_ready", "sonde_go_begin"]),
      )
      hooks.unwatch(one)
      await hooks.settle()
      expect(target.probes.length).toBe(1)
      hooks.unwatch(other)
      await hooks.settle()
      expect(target.probes.length).toBe(0)
      target.refuses = true
      hooks.watch(one, true)
      await hooks.settle()
      await hooks.close()
      expect([hooks.failed, target.watched.size]).toEqual([1, 0])
    } finally {
      for (const child of children) child.kill("SIGKILL")
    }
  })
})
