// Trouble for a region at work: 3 controllers over 3 members of etcd, agents by the real protocol, and one mishap after the other,
// chosen by a seed: servers killed and stopped, members of etcd killed and stopped, changes of configuration meanwhile. After each:
// every agent is had by exactly one living server within 10 s, runs with the newest configuration that was acknowledged, and all
// servers name the same leader. Usage: node bench/controlChaos.ts [ROUNDS] [SEED]

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
import { ask, type Server, setFlushMs, startAgents, startServer } from "./fleetProcesses.ts"
import { print, type Result } from "./Result.ts"

const agentsCount = 60
const healMs = 10_000
/** What a mishap may last before it is mended. */
const lastsMs = 4_000

/** Of a question. */
const answerMs = 5_000

/** mulberry32 */
const random = (seed: number) => (): number => {
  seed = (seed + 0x6d2b79f5) | 0
  let mixed = Math.imul(seed ^ (seed >>> 15), 1 | seed)
  mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
  return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
}

export const controlChaos = async (rounds = 100, seed = Date.now()): Promise<ReadonlyArray<Result>> => {
  const directory = mkdtempSync(join(tmpdir(), "sonde-control-chaos-"))
  const scope = Effect.runSync(Scope.make())
  const chance = random(seed)
  const pick = <A>(all: ReadonlyArray<A>): A => all[Math.floor(chance() * all.length)]!
  const counts: Record<string, number> = {}
  const faults: Array<string> = []
  const healed: Array<number> = []
  let agents: ChildProcess | undefined
  const servers: Array<Server> = []
  try {
    const etcd = await Effect.runPromise(startEtcd({ members: 3 }).pipe(Scope.provide(scope)))
    const endpoints = etcd.endpoints.join(",")
    const start = (id: string) =>
      startServer({ id, directory, etcd: endpoints, leaseSeconds: 5, troubles: "hidden" })
    for (const id of ["s1", "s2", "s3"]) servers.push(await start(id))
    const flushMs = new Map<string, number>()
    agents = startAgents({
      count: agentsCount,
      directory,
      servers,
      troubles: "hidden",
      told: ({ agent, event, values }) => {
        if (event === "config" && values?.flushMs !== undefined) flushMs.set(agent, values.flushMs)
      },
    })
    let acknowledged = 0
    let next = 600
    const change = async (server: Server): Promise<void> => {
      const value = next++
      const isDone = await setFlushMs(server, value, answerMs).then(
        () => true,
        () => false,
      )
      // One that was not acknowledged may have happened: what counts is never older than the newest acknowledged.
      if (isDone) acknowledged = value
    }

    /** What is not as it should be; empty: all is well. */
    const wrong = async (): Promise<string> => {
      const views = await Promise.all(
        servers.map((server) =>
          ask(
            server,
            (client) => Effect.all([client.Agents({}), client.Servers({}), client.Leader({})]),
            answerMs,
          ),
        ),
      )
      for (const [at, [listed, living, leader]] of views.entries()) {
        const name = servers[at]!.id
        if (living.length !== servers.length) return `${name} sees ${living.length} servers`
        if (leader.server === "" || leader.server !== views[0]![2].server)
          return `${name} says that ${leader.server || "nobody"} leads, ${servers[0]!.id} that ${views[0]![2].server}`
        if (listed.length !== agentsCount) return `${name} knows ${listed.length} agents`
        const homeless = listed.find((one) => one.server === "" || one.server !== one.place)
        if (homeless !== undefined)
          return `${name}: agent ${homeless.id} is had by "${homeless.server}" and belongs to "${homeless.place}"`
      }
      // Each server has just those that the store says.
      const here = await Promise.all(
        servers.map((server) => ask(server, (client) => client.AgentsHere({}), answerMs)),
      )
      const owners = new Map<string, number>()
      for (const list of here) for (const { id } of list) owners.set(id, (owners.get(id) ?? 0) + 1)
      const odd = [...owners].find(([, count]) => count !== 1)
      if (odd !== undefined) return `agent ${odd[0]} is had by ${odd[1]} servers`
      if (owners.size !== agentsCount) return `${owners.size} agents are had by servers`
      const old = [...flushMs].find(([, value]) => value < acknowledged)
      if (flushMs.size !== agentsCount) return `${flushMs.size} agents have a configuration`
      if (old !== undefined) return `agent ${old[0]} runs with ${old[1]}, acknowledged was ${acknowledged}`
      return ""
    }
    const heals = async (limitMs: number): Promise<{ readonly ms: number; readonly still: string }> => {
      const begunMs = performance.now()
      while (true) {
        const still = await wrong().catch((error: Error) => error.message)
        const ms = performance.now() - begunMs
        if (still === "" || ms > limitMs) return { ms, still }
        await sleep(100)
      }
    }

    await change(servers[0]!)
    const first = await heals(60_000)
    if (first.still !== "") throw new Error(`it was not well before the first mishap: ${first.still}`)

    const mishaps: Readonly<Record<string, () => Promise<void>>> = {
      "server killed": async () => {
        const at = Math.floor(chance() * servers.length)
        const { child, id } = servers[at]!
        child.removeAllListeners("exit")
        child.kill("SIGKILL")
        await sleep(chance() * lastsMs)
        servers[at] = await start(id)
      },
      "server stopped": async () => {
        const server = pick(servers)
        server.child.kill("SIGSTOP")
        await sleep(1_000 + chance() * lastsMs)
        server.child.kill("SIGCONT")
      },
      "etcd member killed": async () => {
        const member = pick(etcd.members)
        await Effect.runPromise(member.kill)
        await sleep(chance() * lastsMs)
        await Effect.runPromise(member.restart)
      },
      "etcd member stopped": async () => {
        const member = pick(etcd.members)
        await Effect.runPromise(member.stop)
        await sleep(1_000 + chance() * lastsMs)
        await Effect.runPromise(member.continue)
      },
      "etcd's leader killed": async () => {
        for (const member of etcd.members) {
          if (!(await Effect.runPromise(member.isLeader))) continue
          await Effect.runPromise(member.kill)
          await sleep(chance() * lastsMs)
          await Effect.runPromise(member.restart)
          return
        }
      },
    }
    for (let round = 0; round < rounds; round++) {
      const name = pick(Object.keys(mishaps))
      counts[name] = (counts[name] ?? 0) + 1
      const during = sleep(chance() * 2_000).then(() => change(pick(servers)))
      await mishaps[name]!()
      await during
      const { ms, still } = await heals(healMs)
      healed.push(ms)
      if (still !== "") {
        faults.push(`round ${round} (${name}): ${still}`)
        // The next mishap shall not be blamed for this one.
        const { still: later } = await heals(60_000)
        if (later !== "") throw new Error(`round ${round} (${name}) never healed: ${later}`)
      }
    }
    healed.sort((one, other) => one - other)
    const told = Object.entries(counts)
      .map(([name, count]) => `${name} ${count}`)
      .join(", ")
    const result: Result = {
      what: `${rounds} mishaps of 3 controllers, ${agentsCount} agents and 3 members of etcd (${told}; seed ${seed})`,
      bar: "each agent at one living server with the newest configuration, one leader, within 10 s of the end of each",
      measured:
        faults.length === 0
          ? `all; median ${(healed[healed.length >> 1]! / 1_000).toFixed(1)} s, most ${(healed.at(-1)! / 1_000).toFixed(1)} s`
          : `${faults.length} not: ${faults.slice(0, 5).join("; ")}`,
      isMet: faults.length === 0,
      command: `node bench/controlChaos.ts ${rounds} ${seed}`,
    }
    print(result)
    return [result]
  } finally {
    agents?.stdin!.end()
    for (const { child } of servers) {
      child.kill("SIGCONT")
      child.kill("SIGKILL")
    }
    await Effect.runPromise(Scope.close(scope, Exit.void))
    rmSync(directory, { recursive: true, force: true, maxRetries: 10, retryDelay: 200 })
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url))
  await controlChaos(Number(process.argv[2] ?? 100), Number(process.argv[3] ?? Date.now()))
