// An agent on a host of ten thousand processes and fifty thousand open sockets that do nothing, beside one server that is asked all the
// time: how soon it captures, whether it misses anything while it looks around, what it holds and what it costs at rest.
// Usage: node bench/scale.ts [PROCESSES SOCKETS]. Needs root and a C compiler (clang).

import { readFileSync } from "node:fs"
import { setTimeout as sleep } from "node:timers/promises"
import { readProcess } from "../src/agent/process/procfs.ts"
import { Load } from "../test/system/support/Load.ts"
import { nginx } from "../test/system/support/programs.ts"
import { Sonde, until } from "../test/system/support/Sonde.ts"
import { othersThan, startCrowd } from "./programs.ts"
import { median, print, type Result } from "./Result.ts"
import { memory, usage } from "./usage.ts"

const perSecond = 100
/** From the first captured request on, while the agent reads who is there. */
const watchMs = 20_000
/** In pieces of 2 ms; young processes several times. */
const readSeconds = 300
const settleMs = 20_000
const restMs = 10_000
const restWindows = 5
const mostMiB = 250
const mostCpu = 2
const mostSecondsLater = 2

interface Observed {
  readonly beganSeconds: number
  readonly asked: number
  readonly missed: number
  readonly lost: number
  readonly processes: number
  readonly anonymousMiB: number
  /** Percent of a core, of each window. */
  readonly rest: ReadonlyArray<number>
}

/** When the process started, in milliseconds since 1970. */
const startMs = (pid: number): number => {
  const bootSeconds = Number(/^btime (\d+)$/m.exec(readFileSync("/proc/stat", "utf8"))![1])
  return bootSeconds * 1_000 + readProcess(pid)!.startTicks * 10
}

const observe = async (): Promise<Observed> => {
  const excluded = othersThan(["nginx", "crowd"])
  const web = await nginx()
  const load = new Load(web.port, "/ok/scale", perSecond)
  await until(
    "the server answers",
    () => load.answered.length,
    (count) => count > 0,
  )
  const observer = new Sonde({ set: [`agent.excludePrograms=${excluded.join(",")}`] })
  const stored = (from = "") =>
    observer.sql(
      `SELECT request_resource AS path, min(start_time) AS at FROM flow_log.l7_flow_log
       WHERE startsWith(request_resource, '/ok/scale/') AND observation_point = 's-p' ${from}
       GROUP BY path ORDER BY at LIMIT 100000`,
    )
  try {
    await observer.capturing(120)
    const [first] = await until(
      "a request is stored",
      () => stored(),
      (rows) => rows.length > 0,
      60,
    )
    const number = (path: unknown) => Number(String(path).split("/")[3])
    const firstNumber = number(first!["path"])
    await sleep(watchMs)
    await load.stop()
    const expected = load.paths().filter((path) => number(path) >= firstNumber)
    await sleep(3_000)
    const known = new Set((await stored()).map(({ path }) => String(path)))
    const missed = expected.filter((path) => !known.has(path)).length
    await until(
      "all processes are read",
      () => observer.metric("sonde_agent_processes_waiting"),
      (waiting) => waiting === 0,
      readSeconds,
    )
    await sleep(settleMs)
    const rest: Array<number> = []
    for (let i = 0; i < restWindows; i++) {
      const before = usage([observer.agentPid!]).cpuNs
      await sleep(restMs)
      rest.push((usage([observer.agentPid!]).cpuNs - before) / restMs / 1e4)
    }
    const firstMs = load.answered.find(({ path }) => number(path) === firstNumber)!.atMs
    return {
      beganSeconds: (firstMs - startMs(observer.agentPid!)) / 1_000,
      asked: expected.length,
      missed,
      lost: await observer.metric("sonde_agent_kernel_lost_total"),
      processes: await observer.metric("sonde_agent_processes"),
      anonymousMiB: Math.round(memory(observer.agentPid!).anonymousKiB / 1_024),
      rest,
    }
  } finally {
    await load.stop()
    await observer.stop()
    await web.stop()
  }
}

const command = "node bench/scale.ts"

export const scale = async (processes = 10_000, sockets = 50_000): Promise<ReadonlyArray<Result>> => {
  const empty = await observe()
  const stopCrowd = await startCrowd(processes, sockets)
  try {
    const full = await observe()
    const later = full.beganSeconds - empty.beganSeconds
    const percent = (observed: Observed) => median(observed.rest)
    return [
      {
        what: `from the agent's start to the first request captured, with ${processes} processes and ${sockets} open sockets`,
        bar: `<= ${mostSecondsLater} s later than without`,
        measured: `${full.beganSeconds.toFixed(2)} s (without ${empty.beganSeconds.toFixed(2)} s); ${full.processes} processes listed`,
        isMet: later <= mostSecondsLater && full.processes >= processes,
        command,
      },
      {
        what: `of ${perSecond} requests a second, missed in the ${watchMs / 1_000} s in which the agent reads who is there`,
        bar: "0",
        measured: `${full.missed} of ${full.asked}; ${full.lost} events lost in the kernel`,
        isMet: full.missed === 0 && full.lost === 0,
        command,
      },
      {
        what: "memory of the agent then, anonymous pages",
        bar: `<= ${mostMiB} MiB`,
        measured: `${full.anonymousMiB} MiB (without ${empty.anonymousMiB} MiB)`,
        isMet: full.anonymousMiB <= mostMiB,
        command,
      },
      {
        what: "CPU of the agent at rest then",
        bar: `<= ${mostCpu} % of a core`,
        measured: `${percent(full).toFixed(2)} % (median of ${restWindows} times ${restMs / 1_000} s; without ${percent(empty).toFixed(2)} %)`,
        isMet: percent(full) <= mostCpu,
        command,
      },
    ]
  } finally {
    await stopCrowd()
  }
}

if (import.meta.main) {
  const [processes, sockets] = process.argv.slice(2).map(Number)
  for (const result of await scale(processes, sockets)) print(result)
}
