// What the whole agent costs the programs it observes: CPU time of the server process per request, with the agent running and
// without, in interleaved pairs under the same load; a control pair (no agent in either half) beside it.
// Usage: node bench/overhead.ts. Needs root, nginx, redis-server, wrk, redis-benchmark.

import { type ChildProcess, spawn } from "node:child_process"
import { setTimeout as sleep } from "node:timers/promises"
import { fileURLToPath } from "node:url"
import { nginx, type Program, redis } from "../test/system/support/programs.ts"
import { bin, Sonde, until } from "../test/system/support/Sonde.ts"
import { median, print, type Result } from "./Result.ts"
import { familyOf, usage } from "./usage.ts"

const pairs = 7
const windowMs = 2_000
const settleMs = 500
const steadyRate = 5_000
const steadyLoadFile = fileURLToPath(new URL("steadyLoad.ts", import.meta.url))

/** CPU nanoseconds of the program per answer it wrote. */
const window = async (pids: ReadonlyArray<number>): Promise<number> => {
  const before = usage(pids)
  await sleep(windowMs)
  const after = usage(pids)
  return (after.cpuNs - before.cpuNs) / (after.writes - before.writes)
}

/** Waits until the agent tells, after this moment, that it captures system calls. */
const attached = async (server: Sonde): Promise<void> => {
  const startedUs = Date.now() * 1_000
  await until(
    "the agent captures system calls",
    () => server.get<{ agents: ReadonlyArray<{ tier: number; lastSeenUs: number }> }>("/api/v1/status"),
    ({ agents }) => agents.some(({ lastSeenUs, tier }) => tier === 1 && lastSeenUs > startedUs),
    20,
  )
}

const startAgent = async (server: Sonde): Promise<ChildProcess> => {
  const { ingest } = await server.ready
  const agent = spawn(bin, ["agent", "--data", server.data, "--set", `agent.server=${ingest}`], {
    stdio: "ignore",
  })
  await attached(server)
  await sleep(settleMs)
  return agent
}

const stopAgent = async (agent: ChildProcess): Promise<void> => {
  const exited = new Promise((resolve) => agent.once("exit", resolve))
  agent.kill("SIGTERM")
  await exited
  await sleep(settleMs)
}

const measure = async (
  what: string,
  bar: number | undefined,
  program: Program,
  load: () => ChildProcess,
): Promise<Result> => {
  const server = new Sonde({ command: "server" })
  await server.ready
  const client = load()
  try {
    await sleep(1_500)
    const pids = familyOf(program.pid)
    const ratios: Array<number> = []
    const controls: Array<number> = []
    for (let pair = 0; pair < pairs; pair++) {
      const first = await window(pids)
      const second = await window(pids)
      const agent = await startAgent(server)
      const observed = await window(pids)
      await stopAgent(agent)
      const last = await window(pids)
      controls.push(second / first)
      ratios.push(observed / ((second + last) / 2))
    }
    const [stored] = await server.sql(
      `SELECT count() AS rows FROM flow_log.l7_flow_log WHERE server_port = ${program.port} AND observation_point = 's-p'`,
    )
    const ratio = median(ratios)
    const range = `${Math.min(...ratios).toFixed(3)} to ${Math.max(...ratios).toFixed(3)}`
    return {
      what,
      bar: bar === undefined ? "" : `<= ${bar}`,
      measured:
        `${ratio.toFixed(3)} (${pairs} pairs, ${range}; control ${median(controls).toFixed(3)};` +
        ` ${Number(stored!["rows"]).toLocaleString("en")} requests recorded)`,
      ...(bar === undefined ? {} : { isMet: ratio <= bar }),
      command: "node bench/overhead.ts",
    }
  } finally {
    client.kill("SIGKILL")
    await server.stop()
    await program.stop()
  }
}

export const overhead = async (): Promise<ReadonlyArray<Result>> => {
  const steady = await nginx()
  const first = await measure(
    `nginx (1 KB, keep-alive, ${steadyRate.toLocaleString("en")} requests/s), CPU per request with/without the agent`,
    1.15,
    steady,
    () =>
      spawn(process.execPath, [steadyLoadFile, String(steady.port), String(steadyRate)], { stdio: "ignore" }),
  )
  const web = await nginx()
  const url = `http://127.0.0.1:${web.port}/index.html`
  const full = await measure(
    "the same with nginx at its limit, where all of Sonde and the load share its two cores",
    undefined,
    web,
    () => spawn("wrk", ["-t1", "-c16", "-d3600s", url], { stdio: "ignore" }),
  )
  const store = await redis()
  const args = ["-p", String(store.port), "-c", "16", "-n", "2000000000", "-t", "get", "-q"]
  const second = await measure("redis (GET), CPU per request with/without the agent", 1.3, store, () =>
    spawn("redis-benchmark", args, { stdio: "ignore" }),
  )
  return [first, full, second]
}

if (import.meta.main) for (const result of await overhead()) print(result)
