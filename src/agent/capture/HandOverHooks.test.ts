import { spawn } from "node:child_process"
import { once } from "node:events"
import { existsSync } from "node:fs"
import { describe, expect, it } from "vitest"
import { HandOverHooks, noWaking, type WakeTarget } from "./HandOverHooks.ts"
import type { Probes } from "./native/Addon.ts"
import type { Reason } from "./native/privileges.ts"
import type { Probe } from "./probes/LibraryProbes.ts"

const refusal: Reason = { missing: "no rights", next: "be root" }

/** The kernel's side, as far as it is asked for anything. */
class Target implements WakeTarget {
  readonly watched = new Set<number>()
  wakingHook = "tp_btf/sched_waking"
  room = 2
  tells = true
  refuses: Error | undefined
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

  attachWaking(): Reason | undefined {
    if (!this.tells) return refusal
    this.attached++
    return undefined
  }

  detachWaking(): void {
    this.attached--
  }

  attachProbes(_path: string, probes: ReadonlyArray<Probe>): Promise<Probes> {
    if (this.refuses !== undefined) return Promise.reject(this.refuses)
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
      expect(hooks.feature.hook).toBe("uprobe on runtime.ready for 2 processes")
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
      target.refuses = new Error("no")
      hooks.watch(one, true)
      await hooks.settle()
      expect(hooks.feature).toMatchObject({
        hook: "tp_btf/sched_waking, uprobe on runtime.ready: in no process now",
        missing: "",
      })
      hooks.unwatch(one)
      target.refuses = Object.assign(new Error("no"), { code: "EPERM" })
      hooks.watch(one, true)
      await hooks.settle()
      expect(hooks.feature.hook).toBe("tp_btf/sched_waking: in no process now")
      expect(hooks.feature.missing).toContain("may not attach to functions")
      await hooks.close()
      expect([hooks.failed, target.watched.size]).toEqual([2, 0])
    } finally {
      for (const child of children) child.kill("SIGKILL")
    }
  })
})

describe("what is said of them", () => {
  const said = (hooks: HandOverHooks): ReadonlyArray<unknown> => {
    const { hook, missing, name, on } = hooks.feature
    expect(name).toBe("work handed over")
    return [on, hook, missing]
  }

  it("is which hooks are in use, in how many processes", () => {
    const hooks = new HandOverHooks(new Target())
    expect(said(hooks)).toEqual([true, "tp_btf/sched_waking, uprobe on runtime.ready: in no process now", ""])
    hooks.watch(1, false)
    expect(said(hooks)).toEqual([true, "tp_btf/sched_waking for 1 process", ""])
    hooks.watch(2, false)
    expect(said(hooks)).toEqual([true, "tp_btf/sched_waking for 2 processes", ""])
  })

  it("is why the kernel does not tell of threads, until it does", () => {
    const target = new Target()
    target.tells = false
    const hooks = new HandOverHooks(target)
    hooks.check()
    expect(said(hooks)).toEqual([true, "uprobe on runtime.ready: in no process now", "no rights"])
    expect(hooks.feature.next).toBe("be root")
    target.tells = true
    hooks.check()
    expect(said(hooks)[2]).toBe("")
    expect(target.attached).toBe(0)
  })

  it("is that a kind of hook does not tell of threads at all", () => {
    const target = new Target()
    target.wakingHook = ""
    const { missing, next } = new HandOverHooks(target).feature
    expect({ missing, next }).toEqual(noWaking)
  })
})
