// A region at work: 4 controllers over a real etcd, 1,000 agents by the real protocol. How long an agent waits for its place and its
// configuration, how long a change takes to reach all, what a server that joins or dies moves, what a controller costs.
// Usage: node bench/fleet.ts [AGENTS]

import type { ChildProcess } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { fileURLToPath } from "node:url"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import { startEtcd } from "../src/runtime/coordination/etcd.testing.ts"
import { ask, type Server, setFlushMs, startAgents, startServer, type Told } from "./fleetProcesses.ts"
import { print, quantile, type Result } from "./Result.ts"
import { memory, usage } from "./usage.ts"

const command = "node bench/fleet.ts"
const restMs = 60_000

const until = async (
  what: string,
  isTrue: () => boolean | Promise<boolean>,
  seconds = 60,
): Promise<number> => {
  const begunMs = performance.now()
  while (!(await isTrue())) {
    if (performance.now() - begunMs > seconds * 1_000) throw new Error(`${what}: not within ${seconds} s`)
    await sleep(20)
  }
  return performance.now() - begunMs
}

export const fleet = async (count = 1_000): Promise<ReadonlyArray<Result>> => {
  const directory = mkdtempSync(join(tmpdir(), "sonde-fleet-"))
  const scope = Effect.runSync(Scope.make())
  const servers: Array<Server> = []
  let agents: ChildProcess | undefined
  const results: Array<Result> = []
  const note = (result: Omit<Result, "command">): void => {
    const whole = { ...result, command }
    results.push(whole)
    print(whole)
  }
  try {
    const etcd = (await Effect.runPromise(startEtcd().pipe(Scope.provide(scope)))).endpoints.join(",")
    const start = (id: string) => startServer({ id, directory, etcd })
    for (const id of ["s1", "s2", "s3", "s4"]) servers.push(await start(id))

    const begun = new Map<string, number>()
    const placed = new Map<string, { readonly ms: number; readonly server: string }>()
    const configured = new Map<string, { readonly ms: number; readonly version: number }>()
    const wait: Array<number> = []
    let moves = 0
    // A first version, so that a hello is answered by a configuration.
    await setFlushMs(servers[0]!, 600)
    const hear = (told: Told): void => {
      if (told.event === "begins") begun.set(told.agent, told.ms)
      if (told.event === "assigned") {
        if (placed.has(told.agent) && placed.get(told.agent)!.server !== told.server) moves++
        placed.set(told.agent, { ms: told.ms, server: told.server! })
      }
      if (told.event === "config") {
        if (!configured.has(told.agent)) wait.push(told.ms - begun.get(told.agent)!)
        configured.set(told.agent, { ms: told.ms, version: told.version! })
      }
    }
    agents = startAgents({ count, directory, servers, told: hear })
    await until("all agents have their configuration", () => configured.size === count, 120)
    wait.sort((one, other) => one - other)
    const p99 = quantile(wait, 0.99)
    note({
      what: `${count} agents, 20 begin each second, 4 servers: from hello to configuration, p99`,
      bar: "<= 1 s",
      measured: `${(p99 / 1_000).toFixed(2)} s (median ${quantile(wait, 0.5).toFixed(0)} ms, most ${wait.at(-1)!.toFixed(0)} ms)`,
      isMet: p99 <= 1_000,
    })

    const loads = async () => {
      const listed = await ask(servers[0]!, (client) => client.Servers({}))
      const average = listed.reduce((sum, one) => sum + one.load, 0) / listed.length
      return { listed, most: Math.max(...listed.map((one) => one.load)) / average }
    }

    const before = servers.map(({ child }) => usage([child.pid!]).cpuNs)
    const movesBefore = moves
    await sleep(restMs)
    const cpu = servers.map(({ child }, at) => (usage([child.pid!]).cpuNs - before[at]!) / (restMs * 1e6))
    const resident = servers.map(({ child }) => {
      const { anonymousKiB, fileBackedKiB } = memory(child.pid!)
      return (anonymousKiB + fileBackedKiB) / 1_024
    })
    const mostCpu = Math.max(...cpu)
    const mostMiB = Math.max(...resident)
    note({
      what: `a controller with its share of ${count} agents at rest, of one core`,
      bar: "<= 15 %",
      measured: `${(mostCpu * 100).toFixed(1)} % (the busiest of 4; all ${cpu.map((one) => (one * 100).toFixed(1)).join(", ")})`,
      isMet: mostCpu <= 0.15,
    })
    note({
      what: "its resident memory",
      bar: "<= 300 MB",
      measured: `${mostMiB.toFixed(0)} MiB (the largest of 4)`,
      isMet: mostMiB * 1.048576 <= 300,
    })
    const balance = await loads()
    note({
      what: "load of the fullest server against the average, agents' traffic as rank^-0.8",
      bar: "<= 1.25",
      measured: `${balance.most.toFixed(2)} (${moves - movesBefore} moves in the minute)`,
      isMet: balance.most <= 1.25,
    })

    const changedMs = performance.now()
    await setFlushMs(servers[1]!, 700)
    const flushed = new Set<string>()
    const sizeBefore = configured.size
    await until(
      "the change reaches all",
      () => {
        for (const [agent, { version: has }] of configured) if (has > 1) flushed.add(agent)
        return flushed.size === sizeBefore
      },
      60,
    )
    const reachedMs = performance.now() - changedMs
    note({
      what: `a change of configuration reaches all ${count} agents`,
      bar: "<= 5 s",
      measured: `${(reachedMs / 1_000).toFixed(2)} s`,
      isMet: reachedMs <= 5_000,
    })

    const home = () => new Map([...placed].map(([agent, { server }]) => [agent, server]))
    const beforeJoin = home()
    servers.push(await start("s5"))
    await sleep(30_000)
    const joined = [...home()].filter(([agent, server]) => beforeJoin.get(agent) !== server).length
    note({
      what: "a 5th server joins: agents that move within 30 s",
      bar: "<= 25 %",
      measured: `${((joined * 100) / count).toFixed(1)} %`,
      isMet: joined / count <= 0.25,
    })

    const beforeDeath = home()
    const victim = servers.shift()!
    const orphans = [...beforeDeath].filter(([, server]) => server === victim.id).map(([agent]) => agent)
    const deathMs = performance.now()
    victim.child.kill("SIGKILL")
    await until(
      "all orphans have a server",
      () => orphans.every((agent) => placed.get(agent)!.server !== victim.id),
      60,
    )
    const healedMs = performance.now() - deathMs
    note({
      what: `a server with ${orphans.length} agents is killed: all have another within`,
      bar: "<= 10 s",
      measured: `${(healedMs / 1_000).toFixed(2)} s`,
      isMet: healedMs <= 10_000,
    })
    return results
  } finally {
    agents?.stdin!.end()
    for (const { child } of servers) child.kill("SIGKILL")
    await Effect.runPromise(Scope.close(scope, Exit.void))
    rmSync(directory, { recursive: true, force: true, maxRetries: 10, retryDelay: 200 })
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await fleet(Number(process.argv[2] ?? 1_000))
