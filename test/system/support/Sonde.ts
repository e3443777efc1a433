// Starts the real `sonde` command for a test and talks to it the way users do: its output, its HTTP port, signals.

import { type ChildProcess, spawn } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { fileURLToPath } from "node:url"
import { listPids, readProcess } from "../../../src/agent/process/procfs.ts"
import type { AgentView, StatusView } from "../../../src/querier/ConsoleSources.ts"

export const bin: string = fileURLToPath(new URL("../../../bin/sonde", import.meta.url))

export type Row = Readonly<Record<string, unknown>>

export interface Ready {
  readonly event: "ready"
  readonly url: string
  readonly ingest: string
  readonly control: string
  readonly admin: string
  readonly pid: number
}

export interface SondeOptions {
  readonly command?: "up" | "server"
  readonly data?: string
  readonly http?: number
  readonly set?: ReadonlyArray<string>
  /** Put in front of the command, such as `setpriv` with fewer rights. */
  readonly wrapper?: ReadonlyArray<string>
}

export interface Exit {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

/** Asks until `accept` is true of the answer; errors count as "not yet". The last answer is in the error when it never is. */
export const until = async <Answer>(
  what: string,
  ask: () => Answer | Promise<Answer>,
  accept: (answer: Answer) => boolean,
  seconds = 15,
): Promise<Answer> => {
  const end = Date.now() + seconds * 1_000
  let last: unknown
  do {
    try {
      const answer = await ask()
      if (accept(answer)) return answer
      last = JSON.stringify(answer)
    } catch (error) {
      last = error
    }
    await sleep(50)
  } while (Date.now() < end)
  throw new Error(`${what}: not so after ${seconds} s; last: ${String(last).slice(0, 3_000)}`)
}

const running = new Set<ChildProcess>()
process.once("exit", () => {
  for (const child of running) child.kill("SIGKILL")
})

export const isAlive = (pid: number): boolean => {
  try {
    // A zombie still has a number; it runs no more.
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"))
  } catch {
    return false
  }
}

/** Tests, and people who try things, may have agents of their own on this machine. */
export const beside = { SONDE_AGENT_BESIDE_ANOTHER: "capture" }

export class Sonde {
  readonly data: string
  readonly child: ChildProcess
  readonly ready: Promise<Ready>
  readonly exited: Promise<Exit>
  readonly startedMs = performance.now()
  /** Everything it wrote to standard error. */
  log = ""
  readonly #ownsData: boolean

  constructor(options: SondeOptions = {}) {
    this.#ownsData = options.data === undefined
    this.data = options.data ?? mkdtempSync(join(tmpdir(), "sonde-test-"))
    const command = [
      ...(options.wrapper ?? []),
      bin,
      options.command ?? "up",
      "--json",
      "--data",
      this.data,
      "--http",
      String(options.http ?? 0),
      ...["ingest", "control", "admin"].flatMap((port) => ["--set", `${port}.port=0`]),
      ...(options.set ?? []).flatMap((pair) => ["--set", pair]),
    ]
    this.child = spawn(command[0]!, command.slice(1), {
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, ...beside },
    })
    running.add(this.child)
    this.child.stderr!.setEncoding("utf8").on("data", (text: string) => (this.log += text))
    this.exited = new Promise((resolve) =>
      this.child.once("exit", (code, signal) => {
        running.delete(this.child)
        resolve({ code, signal })
      }),
    )
    this.ready = new Promise((resolve, reject) => {
      let text = ""
      this.child.stdout!.setEncoding("utf8").on("data", (part: string) => {
        text += part
        for (const line of text.split("\n").slice(0, -1)) {
          const event = JSON.parse(line) as Ready
          if (event.event === "ready") resolve(event)
        }
      })
      void this.exited.then(({ code, signal }) =>
        reject(new Error(`sonde ended with ${code ?? signal} before it was ready\n${this.log}`)),
      )
    })
    this.ready.catch(() => undefined)
  }

  /** Waits until the agent has told what it captures (not before may a test make its requests). */
  async capturing(seconds = 15): Promise<AgentView> {
    const status = await until(
      "the agent captures",
      () => this.get<StatusView>("/api/v1/status"),
      ({ agents }) =>
        agents.some(({ counters, lastSeenUs }) => Object.keys(counters).length > 0 && lastSeenUs > 0),
      seconds,
    ).catch((error: Error) => {
      throw new Error(`${error.message}\n${this.log}`)
    })
    return status.agents[0]!
  }

  async get<Answer>(path: string): Promise<Answer> {
    const { url } = await this.ready
    const response = await fetch(new URL(path, url))
    if (!response.ok) throw new Error(`GET ${path}: ${response.status} ${await response.text()}`)
    return (await response.json()) as Answer
  }

  /** A metric of the server or (summed) of its agents by its name. */
  async metric(name: string): Promise<number> {
    const { url } = await this.ready
    const text = await (await fetch(new URL("/metrics", url))).text()
    const found = text
      .split("\n")
      .filter((line) => line.startsWith(`${name} `) || line.startsWith(`${name}{`))
    if (found.length === 0) throw new Error(`no metric ${name}`)
    return found.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(" "))), 0)
  }

  /** Rows of a statement, as objects. */
  async sql(sql: string): Promise<ReadonlyArray<Row>> {
    const { url } = await this.ready
    const response = await fetch(new URL("/v1/query/", url), {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ sql }),
    })
    const answer = (await response.json()) as {
      DESCRIPTION: string
      result?: { columns: Array<string>; values: Array<Array<unknown>> }
    }
    if (answer.result === undefined) throw new Error(`${sql}: ${answer.DESCRIPTION}`)
    const { columns, values } = answer.result
    return values.map((row) => Object.fromEntries(columns.map((name, at) => [name, row[at]])))
  }

  /** Asks until `accept` is true of the rows. */
  sqlUntil(
    sql: string,
    accept: (rows: ReadonlyArray<Row>) => boolean,
    seconds = 15,
  ): Promise<ReadonlyArray<Row>> {
    return until(sql, () => this.sql(sql), accept, seconds)
  }

  /** Processes below it whose command line contains `text`. */
  below(text = ""): ReadonlyArray<number> {
    const parents = new Map(listPids().map((pid) => [pid, readProcess(pid)?.parentPid ?? 0]))
    const isBelow = (pid: number): boolean => {
      const parent = parents.get(pid) ?? 0
      return parent === this.child.pid || (parent > 1 && isBelow(parent))
    }
    return [...parents.keys()].filter(
      (pid) => isBelow(pid) && (readProcess(pid)?.args.join(" ") ?? "").includes(text),
    )
  }

  get agentPid(): number | undefined {
    return this.below("--with-parent")[0]
  }

  get enginePid(): number | undefined {
    return this.below("ch-embedded")[0]
  }

  /** Log lines as they read, without what pino puts around them. */
  messages(): ReadonlyArray<string> {
    return this.log
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => (line.startsWith("{") ? String((JSON.parse(line) as { msg?: unknown }).msg) : line))
  }

  /** Ends it in order; its data is removed when the test did not name a directory. */
  async stop(signal: NodeJS.Signals = "SIGTERM"): Promise<Exit> {
    this.child.kill(signal)
    const hard = setTimeout(() => this.child.kill("SIGKILL"), 30_000)
    const exit = await this.exited
    clearTimeout(hard)
    if (this.#ownsData) rmSync(this.data, { recursive: true, force: true, maxRetries: 10, retryDelay: 200 })
    return exit
  }
}

export interface Finished extends Exit {
  readonly stdout: string
  readonly stderr: string
  readonly ms: number
}

/** Runs a `sonde` command to its end. */
export const sonde = (
  args: ReadonlyArray<string>,
  options: {
    readonly wrapper?: ReadonlyArray<string>
    readonly seconds?: number
    readonly env?: Readonly<Record<string, string>>
  } = {},
): Promise<Finished> =>
  new Promise((resolve, reject) => {
    const command = [...(options.wrapper ?? []), bin, ...args]
    const startedMs = performance.now()
    const child = spawn(command[0]!, command.slice(1), {
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, ...options.env },
    })
    running.add(child)
    let stdout = ""
    let stderr = ""
    child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text))
    child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text))
    const seconds = options.seconds ?? 30
    const hard = setTimeout(() => child.kill("SIGKILL"), seconds * 1_000)
    child.once("error", reject)
    child.once("close", (code, signal) => {
      clearTimeout(hard)
      running.delete(child)
      resolve({ code, signal, stdout, stderr, ms: performance.now() - startedMs })
    })
  })
