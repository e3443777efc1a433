// How many packets a second the agent takes from an interface without losing one: a generator sends conversations into one end of
// a veth pair, the agent's capture thread reads the other end and makes requests of them.
// Usage: node bench/packets.ts. Needs root and a C compiler (clang).

import { execFileSync, spawn } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { fileURLToPath } from "node:url"
import { until } from "../test/system/support/Sonde.ts"
import { print, type Result } from "./Result.ts"
import { usage } from "./usage.ts"

const seconds = 10
const wanted = 300_000
const [near, far] = ["sondebench0", "sondebench1"] as const
const generator = fileURLToPath(new URL("packetGenerator.c", import.meta.url))
const capture = fileURLToPath(new URL("captureOnly.ts", import.meta.url))

interface Counted {
  readonly delivered: number
  readonly lost: number
  readonly sessions: number
}

const measure = async (program: string, rate: number): Promise<Result> => {
  const child = spawn(process.execPath, [capture, far], { stdio: ["ignore", "pipe", "inherit"] })
  let text = ""
  child.stdout.setEncoding("utf8").on("data", (part: string) => (text += part))
  const ended = new Promise((resolve) => child.once("close", resolve))
  await until(
    "the capture runs",
    () => text,
    (output) => output.includes("capturing"),
  )
  const before = usage([child.pid!])
  const [sent, took] = await new Promise<[number, number]>((resolve, reject) => {
    const sender = spawn(program, [near, String(rate), String(seconds)], {
      stdio: ["ignore", "pipe", "inherit"],
    })
    let said = ""
    sender.stdout.setEncoding("utf8").on("data", (part: string) => (said += part))
    sender.once("close", (code) => {
      const numbers = said.trim().split(" ").map(Number)
      if (code === 0) resolve([numbers[0]!, numbers[1]!])
      else reject(new Error(`the generator ended with ${code}`))
    })
  })
  const after = usage([child.pid!])
  await sleep(500)
  child.kill("SIGTERM")
  await ended
  const counted = JSON.parse(text.trim().split("\n").at(-1)!) as Counted
  const cpuNs = after.cpuNs - before.cpuNs
  const isBar = rate === wanted
  const format = (value: number): string => Math.round(value).toLocaleString("en")
  return {
    what: `packets of a veth pair, ${format(rate)} a second asked of the generator`,
    bar: isBar ? "0 lost" : "",
    measured:
      `${format(sent / took)} packets/s sent, ${format(counted.delivered)} taken, ${format(counted.lost)} lost,` +
      ` ${format(counted.sessions)} requests; ${format(cpuNs / counted.delivered)} ns a packet,` +
      ` ${(cpuNs / 1e7 / took).toFixed(0)} % of a core`,
    ...(isBar ? { isMet: counted.lost === 0 && sent / took >= wanted * 0.98 } : {}),
    command: "node bench/packets.ts",
  }
}

export const packets = async (): Promise<ReadonlyArray<Result>> => {
  const folder = mkdtempSync(join(tmpdir(), "sonde-bench-"))
  const program = join(folder, "generator")
  try {
    execFileSync("clang", ["-O2", "-o", program, generator])
    execFileSync("ip", ["link", "add", near, "type", "veth", "peer", "name", far])
    for (const name of [near, far]) execFileSync("ip", ["link", "set", name, "up"])
    return [await measure(program, wanted), await measure(program, wanted * 2)]
  } finally {
    try {
      execFileSync("ip", ["link", "delete", near], { stdio: "ignore" })
    } catch {
      // It was never made.
    }
    rmSync(folder, { recursive: true, force: true })
  }
}

if (import.meta.main) for (const result of await packets()) print(result)
