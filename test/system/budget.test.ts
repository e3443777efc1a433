// An agent that is to take little: under a load it gives up features in their order and says so everywhere, and has them back afterwards.

import { execFileSync, spawn, type ChildProcess } from "node:child_process"
import { hostname } from "node:os"
import { setTimeout as sleep } from "node:timers/promises"
import { afterAll, beforeAll, expect, it } from "vitest"
import type { AgentView, StatusView } from "../../src/querier/ConsoleSources.ts"
import { nginx, type Program } from "./support/programs.ts"
import { bin, Sonde, sonde, until } from "./support/Sonde.ts"
import { describeSystem } from "./support/system.ts"

describeSystem("an agent with a small budget", ["/usr/sbin/nginx", "/usr/bin/wrk"], () => {
  let observer: Sonde
  let web: Program
  let load: ChildProcess | undefined

  beforeAll(async () => {
    web = await nginx()
    observer = new Sonde()
    await observer.capturing(40)
  }, 90_000)

  afterAll(async () => {
    load?.kill()
    await observer?.stop()
    await web?.stop()
  })

  const agent = async (): Promise<AgentView> => (await observer.get<StatusView>("/api/v1/status")).agents[0]!
  const steps = ({ budget }: AgentView): ReadonlyArray<string> => budget!.shed.map(({ step }) => step)
  const health = () => observer.get<{ readonly parts: ReadonlyArray<HealthPart> }>("/healthz")
  interface HealthPart {
    readonly name: string
    readonly state: string
    readonly message?: string
  }
  const doctor = async (): Promise<string> => {
    const { url } = await observer.ready
    return (await sonde(["doctor", "--http", new URL(url).port], { seconds: 60 })).stdout
  }
  /** What it gave up and took back, as its log says. */
  const said = (): ReadonlyArray<string> =>
    observer.messages().filter((message) => /^(near|within) the budget/.test(message))

  it("tells what it takes, by thread and by kernel program", async () => {
    const { budget } = await until(
      "the cost of the kernel programs is known",
      agent,
      ({ budget }) => budget !== null && budget.hooks.length > 0 && budget.memory.heapBytes > 0,
      60,
    )
    expect(budget!.cpu.limit).toBe(1)
    expect(budget!.cpu.kernel).toBeGreaterThan(0)
    expect(budget!.memory.residentBytes).toBeGreaterThan(50 * 1_048_576)
    expect(budget!.memory.limitBytes).toBe(768 * 1_048_576)
    expect(budget!.shed).toEqual([])
    const exit = budget!.hooks.find(({ program }) => program.startsWith("sonde_exit"))!
    expect(exit.runs).toBeGreaterThan(0)
    expect(exit.nsPerRun).toBeGreaterThan(5)
    expect(await observer.metric("sonde_agent_hook_counted_seconds_total")).toBeGreaterThan(0)
    expect(await observer.metric("sonde_agent_hook_runs_total")).toBeGreaterThan(0)
    expect(await doctor()).toMatch(/^sonde_exit\w+ +\d+ +\d+ +[\d.]+ % +\d+$/m)
  })

  it("gives features up under a load, has them back in the opposite order, and says each once", async () => {
    // What this machine does beside the load must fit, but not what the agent does at its start.
    let idle = Number.POSITIVE_INFINITY
    for (let i = 0; i < 20; i++) {
      idle = Math.min(idle, (await agent()).budget!.cpu.share)
      await sleep(1_000)
    }
    const percent = Math.max(15, Math.ceil(idle * 250))
    const { admin } = await observer.ready
    execFileSync(bin, [
      ...["admin", "config", "set", "default", `budget.cpuPercent=${percent}`],
      ...["--data", observer.data, "--server", admin],
    ])
    load?.kill()
    load = spawn("wrk", ["-t2", "-c32", "-d300s", `http://127.0.0.1:${web.port}/`], { stdio: "ignore" })

    const shed = await until(
      "two things are given up",
      async () => (await agent()).budget!,
      (budget) => budget.shed.length > 1,
      60,
    )
    expect(shed.shed.map(({ step }) => step).slice(0, 2)).toEqual(["files", "payload"])
    expect(shed.cpu.limit).toBeCloseTo(percent / 100)
    expect(shed.shed[1]).toMatchObject({ what: "payload 256 B" })
    expect(shed.shed[0]!.why).toMatch(new RegExp(`^CPU \\d+ % of ${percent} %$`))
    expect(await observer.metric("sonde_agent_shed")).toBeGreaterThan(0)
    expect((await health()).parts.find(({ name }) => name === `agent on ${hostname()}`)).toMatchObject({
      state: "degraded",
      message: expect.stringContaining("shedding: no events of files"),
    })
    const stdout = await doctor()
    expect(stdout).toMatch(/^Shedding: payload 256 B since \d\d:\d\d:\d\d, CPU \d+ % of \d+ %$/m)

    // As far as it must: of such a load requests are too much, however little is read of them, and connections are not.
    await until("requests are given up", agent, (one) => steps(one).includes("requests"), 90)
    const least = await until(
      "it is within the budget",
      agent,
      ({ budget }) => budget!.cpu.share < budget!.cpu.limit,
      90,
    )
    expect(steps(least)).toEqual(["files", "payload", "tls", "requests"])
    expect(least.tier).toBe(1)
    expect(least.features.find(({ name }) => name === "connection counters")).toMatchObject({ on: true })
    await until(
      "connections are counted on",
      () => observer.metric("sonde_agent_flows_total"),
      (count) => count > 0,
      30,
    )
    load.kill()
    await until("everything is back", agent, (one) => steps(one).length === 0 && one.tier === 1, 360)
    expect((await agent()).features.filter((feature) => feature.shed !== undefined)).toEqual([])
    await sleep(1_000)
    const texts = said().map((text) => text.replace(/\(.*\)/, "()"))
    expect(texts.slice(0, 2)).toEqual([
      "near the budget (): no events of files from now on",
      "near the budget (): payload 256 B from now on",
    ])
    expect(texts.filter((text) => text.startsWith("near")).length).toBe(
      texts.filter((text) => text.startsWith("within")).length,
    )
    expect(texts.at(-1)).toBe('within the budget again: no longer "no events of files"')
  }, 600_000)

  it("captures as before", async () => {
    await fetch(`http://127.0.0.1:${web.port}/after/the/storm`)
    await observer.sqlUntil(
      "SELECT request_resource FROM flow_log.l7_flow_log WHERE request_resource LIKE '/after/the/storm%' LIMIT 1",
      (rows) => rows.length > 0,
      30,
    )
  })
})
