// From `npm start` in a built tree to the line that says ready. The first run, which may build what is not built, does not count.
// Usage: node bench/start.ts.

import { spawn } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { median, print, type Result } from "./Result.ts"

const runs = 5
/** Setup included. */
const longestMs = 120_000
const mostSeconds = 5

/** Seconds from the command to its ready line. */
const once = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const data = mkdtempSync(join(tmpdir(), "sonde-start-"))
    const args = [
      "start",
      "--",
      "--json",
      "--data",
      data,
      "--http",
      "0",
      "--set",
      "ingest.port=0",
      "--set",
      "control.port=0",
      "--set",
      "admin.port=0",
    ]
    const startedMs = performance.now()
    let seconds: number | undefined
    // A group of its own: npm does not hand every signal on.
    const child = spawn("npm", args, { stdio: ["ignore", "pipe", "ignore"], detached: true })
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      if (seconds !== undefined || !text.includes('"event":"ready"')) return
      seconds = (performance.now() - startedMs) / 1_000
      process.kill(-child.pid!, "SIGTERM")
    })
    const timer = setTimeout(() => process.kill(-child.pid!, "SIGKILL"), longestMs)
    child.once("error", reject)
    child.once("close", () => {
      clearTimeout(timer)
      rmSync(data, { recursive: true, force: true, maxRetries: 10, retryDelay: 200 })
      if (seconds === undefined) reject(new Error("npm start ended before it was ready"))
      else resolve(seconds)
    })
  })

export const start = async (): Promise<ReadonlyArray<Result>> => {
  await once()
  const times: Array<number> = []
  for (let i = 0; i < runs; i++) times.push(await once())
  const seconds = median(times)
  return [
    {
      what: "from `npm start` in a built tree to ready",
      bar: `<= ${mostSeconds} s`,
      measured: `${seconds.toFixed(2)} s (median of ${runs}, ${times.map((time) => time.toFixed(2)).join(", ")})`,
      isMet: seconds <= mostSeconds,
      command: "node bench/start.ts",
    },
  ]
}

if (import.meta.main) for (const result of await start()) print(result)
