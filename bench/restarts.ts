// An agent that is started and ended again and again: in order, by force, and in the middle of its start. After each round nothing of it
// is left in the kernel, and after all of them no file, no process, and no memory of the kernel.
// Usage: node bench/restarts.ts [ROUNDS [SEED]]. Needs root, nginx, curl, bpftool. 200 rounds take a quarter of an hour.

import { spawn } from "node:child_process"
import { once } from "node:events"
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { loadAddon } from "../src/agent/capture/native/Addon.ts"
import { listPids, readProcess } from "../src/agent/process/procfs.ts"
import { randomFrom } from "../test/chaos/randomFrom.ts"
import { type Held, heldBy, lastingState, leftOf } from "../test/kernel/support/kernelTraces.ts"
import { secureNginx } from "../test/kernel/support/tlsServers.ts"
import { curl } from "../test/system/support/programs.ts"
import { beside, bin, Sonde, until } from "../test/system/support/Sonde.ts"
import { print, type Result } from "./Result.ts"

const ends = ["SIGTERM", "SIGKILL", "SIGKILL while it starts"] as const
/** Rounds after which caches of the kernel and folders have what they keep. */
const warmRounds = 3
/** What else the machine does changes the kernel's memory, too; one ring that stays is 32 MiB. */
const mostGrownMiB = 24
const startMs = 1_500

interface Files {
  readonly count: number
  readonly bytes: number
}

const filesIn = (folder: string): Files => {
  let count = 0
  let bytes = 0
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue
    count++
    bytes += statSync(join(entry.parentPath, entry.name)).size
  }
  return { count, bytes }
}

/** Memory that belongs to the kernel and not to caches of files, in MiB: tables, rings, programs, what counts per CPU. */
const kernelMiB = (): number => {
  const text = readFileSync("/proc/meminfo", "utf8")
  const field = (name: string): number => Number(new RegExp(`^${name}: +(\\d+) kB`, "m").exec(text)?.[1] ?? 0)
  return (field("SUnreclaim") + field("VmallocUsed") + field("Percpu")) / 1_024
}

/** Kernel programs of all agents of this machine. */
const programs = (): ReadonlyArray<number> => {
  const addon = loadAddon()
  if ("missing" in addon) throw new Error(addon.missing)
  return addon.programIds("sonde_")
}

const processesOf = (folder: string): ReadonlyArray<number> =>
  listPids().filter((pid) => readProcess(pid)?.args.some((part) => part.includes(folder)) === true)

export const restarts = async (rounds = 200, seed = 1): Promise<ReadonlyArray<Result>> => {
  const folder = mkdtempSync(join(tmpdir(), "sonde-restarts-"))
  const [data, temporary] = [join(folder, "data"), join(folder, "tmp")]
  mkdirSync(temporary)
  const random = randomFrom(seed)
  const web = await secureNginx()
  const server = new Sonde({ command: "server" })
  const { ingest } = await server.ready
  const wrong: Array<string> = []
  const counts = new Map<string, number>()
  let captured = 0

  const round = async (number: number, end: (typeof ends)[number]): Promise<void> => {
    const settings = ["agent.controllers=", `agent.server=${ingest}`]
    const agent = spawn(bin, ["agent", "--data", data, ...settings.flatMap((one) => ["--set", one])], {
      stdio: "ignore",
      env: { ...process.env, ...beside, TMPDIR: temporary },
    })
    const ended = once(agent, "exit") as Promise<[number | null, NodeJS.Signals | null]>
    const pid = agent.pid!
    let held: Held | undefined
    try {
      if (end === "SIGKILL while it starts") {
        await sleep(random() * startMs)
        held = heldBy(pid)
        agent.kill("SIGKILL")
      } else {
        held = await until(
          "it captures",
          () => heldBy(pid),
          ({ functions, prog }) => functions > 5 && prog.length > 10,
          60,
        )
        captured++
        curl(["--insecure", `https://127.0.0.1:${web.port}/restart/${number}`])
        agent.kill(end)
      }
      const [code, signal] = await ended
      if (end === "SIGTERM" && code !== 0) wrong.push(`round ${number} ended with ${code ?? signal}`)
      await until(
        "nothing is left",
        () => leftOf(held!, pid),
        (left) => left.length === 0,
        20,
      )
    } catch (error) {
      wrong.push(`round ${number} (${end}): ${(error as Error).message.split("\n")[0]}`)
    } finally {
      agent.kill("SIGKILL")
    }
    counts.set(end, (counts.get(end) ?? 0) + 1)
  }

  try {
    const lasting = lastingState()
    const others = new Set(programs())
    let warm = { files: { count: 0, bytes: 0 }, kernel: 0 }
    for (let number = 0; number < rounds; number++) {
      if (number === Math.min(warmRounds, rounds - 1)) warm = { files: filesIn(data), kernel: kernelMiB() }
      // One of each kind comes first, so that the shortest run has them all.
      await round(number, ends[number < ends.length ? number : Math.floor(random() * ends.length)]!)
    }
    // What waited for the server is delivered by one more that ends in order.
    await round(rounds, "SIGTERM")
    const files = filesIn(data)
    const grownMiB = kernelMiB() - warm.kernel
    const left = filesIn(temporary).count
    const processes = processesOf(folder)
    const loaded = programs().filter((id) => !others.has(id)).length
    if (loaded > 0) wrong.push(`${loaded} kernel programs`)
    if (left > 0) wrong.push(`${left} temporary files`)
    if (files.count > warm.files.count + 2)
      wrong.push(`${files.count} files, ${warm.files.count} after some rounds`)
    if (processes.length > 0) wrong.push(`processes ${processes.join(", ")}`)
    if (lastingState() !== lasting)
      wrong.push("pinned objects, events of tracefs, or modes of interfaces changed")
    if (grownMiB > mostGrownMiB) wrong.push(`${grownMiB.toFixed(1)} MiB of kernel memory`)
    const kinds = ends.map((end) => `${counts.get(end) ?? 0} by ${end}`).join(", ")
    return [
      {
        what: `${rounds} rounds of start and end of an agent (seed ${seed})`,
        bar: `no program, table, link, probe, file or process left; <= ${mostGrownMiB} MiB of kernel memory`,
        measured:
          `${kinds}; captured in ${captured}; ${wrong.length === 0 ? "nothing left" : `left or wrong: ${wrong.slice(0, 4).join("; ")}`}; ` +
          `${files.count} files of ${Math.round(files.bytes / 1_024)} KiB in its folder; kernel memory ${grownMiB >= 0 ? "+" : ""}${grownMiB.toFixed(1)} MiB`,
        isMet: wrong.length === 0,
        command: `node bench/restarts.ts ${rounds} ${seed}`,
      },
    ]
  } finally {
    await server.stop()
    await web.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}

if (import.meta.main) {
  const [rounds, seed] = process.argv.slice(2).map(Number)
  for (const result of await restarts(rounds, seed)) print(result)
}
