// What the whole agent costs the programs it observes: CPU of the server process per request, with the agent running and
// without, in interleaved pairs under the same load; a control pair (no agent in either half) beside it.
// Usage: node bench/overhead.ts [--pairs N] [--seconds S]. Needs root, nginx, redis-server, wrk, redis-benchmark.

import { type ChildProcess, spawn } from "node:child_process"
import { readFileSync } from "node:fs"
import { setTimeout as sleep } from "node:timers/promises"
import { parseArgs } from "node:util"
import { nginx, type Program, redis } from "../test/system/support/programs.ts"
import { bin, Sonde } from "../test/system/support/Sonde.ts"
import { listPids, readProcess } from "../src/agent/process/procfs.ts"

const { values } = parseArgs({
  options: { pairs: { type: "string", default: "9" }, seconds: { type: "string", default: "3" } },
})
const pairs = Number(values.pairs)
const windowMs = Number(values.seconds) * 1_000

/** On-CPU nanoseconds and write system calls of a process and its children. */
const usage = (pid: number): { readonly cpuNs: number; readonly writes: number } => {
  let cpuNs = 0
  let writes = 0
  for (const one of listPids()) {
    if (one !== pid && readProcess(one)?.parentPid !== pid) continue
    try {
      cpuNs += Number(readFileSync(`/proc/${one}/schedstat`, "utf8").split(" ")[0])
      writes += Number(/^syscw: (\d+)/m.exec(readFileSync(`/proc/${one}/io`, "utf8"))?.[1] ?? 0)
    } catch {}
  }
  return { cpuNs, writes }
}

const window = async (pid: number): Promise<number> => {
  const before = usage(pid)
  await sleep(windowMs)
  const after = usage(pid)
  return (after.cpuNs - before.cpuNs) / (after.writes - before.writes)
}

const median = (numbers: ReadonlyArray<number>): number =>
  numbers.toSorted((a, b) => a - b)[numbers.length >> 1]!

const startAgent = async (sonde: Sonde): Promise<ChildProcess> => {
  const { ingest } = await sonde.ready
  const agent = spawn(bin, ["agent", "--data", sonde.data, "--set", `agent.server=${ingest}`], {
    stdio: "ignore",
  })
  await sleep(2_500)
  return agent
}

const stopAgent = async (agent: ChildProcess): Promise<void> => {
  const exited = new Promise((resolve) => agent.once("exit", resolve))
  agent.kill("SIGTERM")
  await exited
  await sleep(500)
}

const measure = async (name: string, program: Program, load: () => ChildProcess): Promise<void> => {
  const sonde = new Sonde({ command: "server" })
  await sonde.ready
  const client = load()
  try {
    await sleep(2_000)
    const ratios: Array<number> = []
    const controls: Array<number> = []
    for (let pair = 0; pair < pairs; pair++) {
      const off = await window(program.pid)
      const control = await window(program.pid)
      controls.push(control / off)
      const agent = await startAgent(sonde)
      const on = await window(program.pid)
      await stopAgent(agent)
      const offAgain = await window(program.pid)
      ratios.push(on / ((control + offAgain) / 2))
      process.stderr.write(`\r${name}: pair ${pair + 1} of ${pairs}  `)
    }
    process.stderr.write("\r")
    console.log(
      `${name.padEnd(24)} CPU per request with/without ${median(ratios).toFixed(3)}` +
        ` (min ${Math.min(...ratios).toFixed(3)}, max ${Math.max(...ratios).toFixed(3)}), control ${median(controls).toFixed(3)}`,
    )
  } finally {
    client.kill("SIGKILL")
    await sonde.stop()
    await program.stop()
  }
}

const web = await nginx()
await measure("nginx 1 KB, keep-alive", web, () =>
  spawn("wrk", ["-t1", "-c16", "-d3600s", `http://127.0.0.1:${web.port}/index.html`], { stdio: "ignore" }),
)
const store = await redis()
await measure("redis GET", store, () =>
  spawn("redis-benchmark", ["-p", String(store.port), "-c", "16", "-n", "2000000000", "-t", "get", "-q"], {
    stdio: "ignore",
  }),
)
