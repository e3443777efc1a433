// How many events a second the agent takes out of the kernel without losing one: a generator makes small HTTP exchanges
// at a fixed rate on this machine's cores, which the whole of Sonde shares with it.
// Usage: node bench/ring.ts. Needs root and a C compiler (clang).

import { execFileSync, spawn } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { fileURLToPath } from "node:url"
import { Sonde, until } from "../test/system/support/Sonde.ts"
import { print, type Result } from "./Result.ts"
import { type Usage, usage } from "./usage.ts"

const seconds = 5
/** The agent tells its counters every two seconds. */
const statusMs = 2_500
const wanted = 300_000

interface Counted {
  readonly delivered: number
  readonly lost: number
}

const generator = fileURLToPath(new URL("generator.c", import.meta.url))

const generate = (program: string, eventsPerSecond: number): Promise<{ made: number; seconds: number }> =>
  new Promise((resolve, reject) => {
    const child = spawn(program, [String(eventsPerSecond), String(seconds)], {
      stdio: ["ignore", "pipe", "inherit"],
    })
    let text = ""
    child.stdout.setEncoding("utf8").on("data", (part: string) => (text += part))
    child.once("close", (code) => {
      const [made, took] = text.trim().split(" ").map(Number)
      if (code === 0) resolve({ made: made!, seconds: took! })
      else reject(new Error(`the generator ended with ${code}`))
    })
  })

const share = (before: Usage, after: Usage, took: number): string =>
  `${((after.cpuNs - before.cpuNs) / 1e7 / took).toFixed(0)} %`

const alone = "capture thread alone"

const told = (
  rate: number,
  scope: string,
  made: number,
  took: number,
  counted: Counted,
  cpu: string,
): Result => {
  const reached = made / took
  // With all of Sonde and the generator on the same cores it is the machine that is measured.
  const isBar = rate === wanted && scope === alone
  const format = (n: number): string => Math.round(n).toLocaleString("en")
  return {
    what: `${scope}, ${format(rate)} events a second asked of the generator`,
    bar: isBar ? "0 lost" : "",
    measured:
      `${format(reached)} events/s made, ${format(counted.delivered)} taken, ${format(counted.lost)} lost;` +
      ` of one core: ${cpu}`,
    ...(isBar ? { isMet: counted.lost === 0 && reached >= wanted * 0.98 } : {}),
    command: "node bench/ring.ts",
  }
}

/** The agent's capture thread alone: nothing else takes the cores but the generator. */
const captureOnly = async (program: string, rate: number): Promise<Result> => {
  const child = spawn(process.execPath, [fileURLToPath(new URL("captureOnly.ts", import.meta.url))], {
    stdio: ["ignore", "pipe", "inherit"],
  })
  let text = ""
  child.stdout.setEncoding("utf8").on("data", (part: string) => (text += part))
  const ended = new Promise((resolve) => child.once("close", resolve))
  await until(
    "the capture runs",
    () => text,
    (output) => output.includes("capturing"),
  )
  const pids = [child.pid!]
  const before = usage(pids)
  const { made, seconds: took } = await generate(program, rate)
  const cpu = share(before, usage(pids), took)
  await sleep(500)
  child.kill("SIGTERM")
  await ended
  const counted = JSON.parse(text.trim().split("\n").at(-1)!) as Counted
  return told(rate, alone, made, took, counted, `capture ${cpu}`)
}

/** All of Sonde, the rows stored. */
const whole = async (sonde: Sonde, program: string, rate: number): Promise<Result> => {
  const counters = async (): Promise<Counted> => ({
    delivered: await sonde.metric("sonde_agent_kernel_delivered_total"),
    lost: await sonde.metric("sonde_agent_kernel_lost_total"),
  })
  const parts = [
    ["agent", sonde.agentPid!],
    ["server", sonde.child.pid!],
    ["ClickHouse", sonde.enginePid!],
  ] as const
  const start = await counters()
  const before = parts.map(([, pid]) => usage([pid]))
  const { made, seconds: took } = await generate(program, rate)
  const cpu = parts.map(([name, pid], at) => `${name} ${share(before[at]!, usage([pid]), took)}`).join(", ")
  await sleep(statusMs)
  const end = await counters()
  const counted = { delivered: end.delivered - start.delivered, lost: end.lost - start.lost }
  return told(rate, "all of Sonde", made, took, counted, cpu)
}

export const ring = async (): Promise<ReadonlyArray<Result>> => {
  const folder = mkdtempSync(join(tmpdir(), "sonde-bench-"))
  const program = join(folder, "generator")
  try {
    execFileSync("clang", ["-O2", "-o", program, generator])
    const results = [await captureOnly(program, wanted), await captureOnly(program, 2 * wanted)]
    const sonde = new Sonde()
    try {
      await sonde.capturing()
      for (const rate of [wanted / 3, wanted]) {
        results.push(await whole(sonde, program, rate))
        await sleep(3_000)
      }
    } finally {
      await sonde.stop()
    }
    return results
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

if (import.meta.main) for (const result of await ring()) print(result)
