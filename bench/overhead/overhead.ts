// What the whole agent costs the programs it observes: CPU time of the program per request with the agent running and without, in
// interleaved pairs under the same load, and a control (no agent in either half) beside it.
//
// The program has a core to itself; load, agent, server and database share the others, the load first. Were they to share the
// program's core, what is measured would be how the scheduler gathers requests into bursts: at its limit a program that waits its
// turn finds more requests at once, and takes less for each. What is left of the others is burnt at the lowest priority, in both halves:
// it costs the program more to wake a load that sleeps on an idle processor, or on one that does something else, than to answer
// one that is awake, and an agent that runs there would look dear for that alone.
// Usage: node bench/overhead/overhead.ts [CASE ...]. Needs root, a second core, the development packages of scripts/setup.sh, clang; go where there is one.

import { type ChildProcess, execFileSync, spawn } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { availableParallelism, tmpdir } from "node:os"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import type { Program } from "../../test/system/support/programs.ts"
import { bin, Sonde, until } from "../../test/system/support/Sonde.ts"
import { median, print, type Result } from "../Result.ts"
import { familyOf, memory, usage } from "../usage.ts"
import { type Case, cases } from "./cases.ts"
import type { Load } from "./Load.ts"

const pairs = 5
const windowMs = 2_000
const settleMs = 700
/**
 * At its start an agent compiles, and reads processes and libraries: 60 % of a core for some three seconds where it takes 6 % afterwards, on a core
 * that the load wants, too. That is no part of what a request costs.
 */
const agentSettleMs = 8_000
const command = "node bench/overhead/overhead.ts"

const ofProgram = "0"
const ofTheRest = `1-${availableParallelism() - 1}`

const pin = (pid: number, processors: string): void => {
  execFileSync("taskset", ["-acp", processors, String(pid)], { stdio: "ignore" })
}

interface Window {
  readonly cpuNs: number
  readonly requests: number
  readonly p99Us: number
}

/** `program` is asked anew: a server may start a process for each connection. */
const window = async (program: Program, load: Load): Promise<Window> => {
  await load.take()
  const pids = familyOf(program.pid)
  const before = usage(pids)
  await sleep(windowMs)
  const { p99Us, requests } = await load.take()
  return { cpuNs: (usage(pids).cpuNs - before.cpuNs) / requests, requests, p99Us }
}

/** Waits until the agent tells, after this moment, that it captures system calls. */
const attached = async (server: Sonde): Promise<void> => {
  const startedUs = Date.now() * 1_000
  await until(
    "the agent captures system calls",
    () => server.get<{ agents: ReadonlyArray<{ tier: number; lastSeenUs: number }> }>("/api/v1/status"),
    ({ agents }) => agents.some(({ lastSeenUs, tier }) => tier === 1 && lastSeenUs > startedUs),
    60,
  )
}

const startAgent = async (server: Sonde, settings: ReadonlyArray<string>): Promise<ChildProcess> => {
  const { ingest } = await server.ready
  const set = [`agent.server=${ingest}`, ...settings].flatMap((one) => ["--set", one])
  const agent = spawn(bin, ["agent", "--data", server.data, ...set], { stdio: "ignore" })
  try {
    await attached(server)
  } catch (error) {
    agent.kill("SIGTERM")
    throw error
  }
  await sleep(agentSettleMs)
  return agent
}

const stopAgent = async (agent: ChildProcess): Promise<void> => {
  const exited = new Promise((resolve) => agent.once("exit", resolve))
  agent.kill("SIGTERM")
  await exited
  await sleep(settleMs)
}

const number = (value: number): string => Math.round(value).toLocaleString("en")

/** One row: a program under one load. */
const measure = async (
  { bar, metric, name, settings = [], unit = "request" }: Case,
  what: string,
  server: Sonde,
  program: Program,
  load: Load,
): Promise<Result> => {
  execFileSync("renice", ["-n", "-20", "-p", String(load.pid)], { stdio: "ignore" })
  await sleep(1_500)
  for (const pid of familyOf(program.pid)) pin(pid, ofProgram)
  const ratios: Array<number> = []
  const controls: Array<number> = []
  const slower: Array<number> = []
  const agentNs: Array<number> = []
  let mostKiB = 0
  let rate = 0
  const lostBefore = await server.metric("sonde_agent_kernel_lost_total").catch(() => 0)
  for (let pair = 0; pair < pairs; pair++) {
    const first = await window(program, load)
    const second = await window(program, load)
    const agent = await startAgent(server, settings)
    const agentPids = familyOf(agent.pid!)
    const agentBefore = usage(agentPids)
    const observed = await window(program, load)
    agentNs.push((usage(agentPids).cpuNs - agentBefore.cpuNs) / observed.requests)
    mostKiB = Math.max(mostKiB, ...agentPids.map((pid) => memory(pid).anonymousKiB))
    await stopAgent(agent)
    const last = await window(program, load)
    controls.push(second.cpuNs / first.cpuNs)
    ratios.push(observed.cpuNs / ((second.cpuNs + last.cpuNs) / 2))
    if (last.p99Us > 0) slower.push(observed.p99Us - (second.p99Us + last.p99Us) / 2)
    rate = (observed.requests / windowMs) * 1_000
  }
  const lost = (await server.metric("sonde_agent_kernel_lost_total").catch(() => 0)) - lostBefore
  const ratio = median(ratios)
  const range = `${Math.min(...ratios).toFixed(3)} to ${Math.max(...ratios).toFixed(3)}`
  return {
    what: `${name}, ${what}: ${metric ?? "CPU per request with/without the agent"}`,
    bar: bar === undefined ? "" : `<= ${bar.toFixed(2)}`,
    measured:
      `${ratio.toFixed(3)} (${pairs} pairs, ${range}; control ${median(controls).toFixed(3)}) at ${number(rate)} ${unit}s/s;` +
      `${slower.length > 0 ? ` p99 ${median(slower) < 0 ? "" : "+"}${number(median(slower))} us,` : ""}` +
      ` ${number(Math.max(lost, 0))} events lost, agent ${(median(agentNs) / 1e3).toFixed(1)} ms of CPU a 1,000 ${unit}s,` +
      ` ${(mostKiB / 1_024).toFixed(0)} MiB`,
    ...(bar === undefined ? {} : { isMet: ratio <= bar }),
    command,
  }
}

/** Keeps the processors of the rest busy with whatever nobody else uses. */
const burn = (): ReadonlyArray<ChildProcess> =>
  Array.from({ length: availableParallelism() - 1 }, () =>
    spawn("/usr/bin/nice", ["-n", "19", "/bin/sh", "-c", "while :; do :; done"], { stdio: "ignore" }),
  )

const run = async (one: Case, tools: string): Promise<ReadonlyArray<Result>> => {
  const results: Array<Result> = []
  for (const rate of one.rates) {
    const server = new Sonde({ command: "server" })
    await server.ready
    const program = await one.start(tools)
    const load = one.load(program, rate, tools)
    const what = rate === 0 ? "as fast as it goes" : `${number(rate)} ${one.unit ?? "request"}s/s asked`
    try {
      results.push(await measure(one, what, server, program, load))
    } finally {
      load.stop()
      await server.stop()
      await program.stop()
    }
  }
  return results
}

export const overhead = async (names: ReadonlyArray<string> = []): Promise<ReadonlyArray<Result>> => {
  if (availableParallelism() < 2) throw new Error("the program needs a core of its own: there is one in all")
  const tools = mkdtempSync(join(tmpdir(), "sonde-bench-"))
  // What it starts inherits this.
  pin(process.pid, ofTheRest)
  const burners = burn()
  try {
    execFileSync("clang", ["-O2", "-o", join(tools, "load"), join(import.meta.dirname, "load.c")])
    const results: Array<Result> = []
    for (const one of cases) {
      if (names.length > 0 && !names.some((name) => one.name.toLowerCase().includes(name))) continue
      if (one.missing?.() === true) continue
      results.push(...(await run(one, tools)))
    }
    return results
  } finally {
    for (const burner of burners) burner.kill()
    rmSync(tools, { recursive: true, force: true })
    pin(process.pid, `0-${availableParallelism() - 1}`)
  }
}

if (import.meta.main) for (const result of await overhead(process.argv.slice(2))) print(result)
