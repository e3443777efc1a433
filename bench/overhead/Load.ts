// What keeps a program busy while its cost is measured, and what came of it.

import { spawn } from "node:child_process"
import { once } from "node:events"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"

/** Since the last time it was asked. */
export interface Taken {
  readonly requests: number
  /** Microseconds; 0: this load does not know. */
  readonly p99Us: number
}

export interface Load {
  readonly pid: number
  /** What was done until about now. */
  take(): Promise<Taken>
  stop(): void
}

const answerMs = 5_000

/** A program that answers SIGUSR2 with "REQUESTS P50 P99". */
const answering = (command: string, args: ReadonlyArray<string>): Load => {
  const child = spawn(command, args, { stdio: ["ignore", "pipe", "inherit"] })
  const lines = createInterface({ input: child.stdout })
  return {
    pid: child.pid!,
    take: async () => {
      const line = once(lines, "line", { signal: AbortSignal.timeout(answerMs) })
      child.kill("SIGUSR2")
      const [done, , p99Us] = String((await line)[0])
        .split(" ")
        .map(Number)
      return { requests: done!, p99Us: p99Us! }
    },
    stop: () => void child.kill("SIGKILL"),
  }
}

/** `program`: load.c, compiled. `perSecond` 0: as fast as answers come. */
export const requests = (program: string, port: number, perSecond: number, kind: "http" | "redis"): Load =>
  answering(program, [String(port), "16", String(perSecond), kind])

export const httpsRequests = (port: number, perSecond: number): Load =>
  answering(process.execPath, [
    fileURLToPath(new URL("tlsLoad.ts", import.meta.url)),
    String(port),
    String(perSecond),
  ])

/** `pgbench -S` on 8 connections. It tells once a second. */
export const pgbench = (port: number, perSecond: number): Load => {
  const rate = perSecond === 0 ? [] : ["-R", String(perSecond)]
  const child = spawn(
    "/usr/bin/pgbench",
    [
      "-S",
      "-n",
      "-c",
      "8",
      "-T",
      "36000",
      "-P",
      "1",
      ...rate,
      "-h",
      "127.0.0.1",
      "-p",
      String(port),
      "-U",
      "sonde",
      "postgres",
    ],
    { stdio: ["ignore", "ignore", "pipe"], env: { ...process.env, PGPASSWORD: "secret" } },
  )
  const lines = createInterface({ input: child.stderr })
  let done = 0
  let known = 0
  lines.on("line", (line) => (done += Number(/progress: [\d.]+ s, ([\d.]+) tps/.exec(line)?.[1] ?? 0)))
  return {
    pid: child.pid!,
    take: async () => {
      await once(lines, "line", { signal: AbortSignal.timeout(answerMs) })
      const count = done - known
      known = done
      return { requests: count, p99Us: 0 }
    },
    stop: () => void child.kill("SIGKILL"),
  }
}

/** Bytes to iperf3's server, `gigabits` a second; the unit of work is a mebibyte, which the server's own counter tells. */
export const bulk = (port: number, gigabits: number, bytesRead: () => number): Load => {
  const child = spawn(
    "/usr/bin/iperf3",
    ["-c", "127.0.0.1", "-p", String(port), "-t", "36000", "-b", `${gigabits}G`],
    { stdio: "ignore" },
  )
  let known = 0
  return {
    pid: child.pid!,
    take: () => {
      const bytes = bytesRead()
      const moved = bytes - known
      known = bytes
      return Promise.resolve({ requests: moved / 1_048_576, p99Us: 0 })
    },
    stop: () => void child.kill("SIGKILL"),
  }
}
