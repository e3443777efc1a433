// Starts the real `sonde` command for a test and talks to it the way users do: its output, its HTTP port, signals.

import { type ChildProcess, spawn } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"

export const bin: string = fileURLToPath(new URL("../../../bin/sonde", import.meta.url))

export interface Ready {
  readonly event: "ready"
  readonly url: string
  readonly ingest: string
  readonly pid: number
}

export interface SondeOptions {
  readonly command?: "up" | "server"
  readonly data?: string
  readonly set?: ReadonlyArray<string>
  /** Put in front of the command, such as `setpriv` with fewer rights. */
  readonly wrapper?: ReadonlyArray<string>
}

export class Sonde {
  readonly data: string
  readonly child: ChildProcess
  readonly ready: Promise<Ready>
  readonly exited: Promise<number | null>
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
      "0",
      "--set",
      "ingest.port=0",
      ...(options.set ?? []).flatMap((pair) => ["--set", pair]),
    ]
    this.child = spawn(command[0]!, command.slice(1), { stdio: ["ignore", "pipe", "pipe"] })
    this.child.stderr!.setEncoding("utf8").on("data", (text: string) => (this.log += text))
    this.exited = new Promise((resolve) => this.child.once("exit", (code) => resolve(code)))
    this.ready = new Promise((resolve, reject) => {
      let text = ""
      this.child.stdout!.setEncoding("utf8").on("data", (part: string) => {
        text += part
        for (const line of text.split("\n").slice(0, -1)) {
          const event = JSON.parse(line) as Ready
          if (event.event === "ready") resolve(event)
        }
      })
      void this.exited.then((code) => reject(new Error(`sonde ended with ${code} before it was ready\n${this.log}`)))
    })
    this.ready.catch(() => undefined)
  }

  async get<Answer>(path: string): Promise<Answer> {
    const { url } = await this.ready
    const response = await fetch(new URL(path, url))
    if (!response.ok) throw new Error(`GET ${path}: ${response.status} ${await response.text()}`)
    return (await response.json()) as Answer
  }

  /** Rows of a statement, as objects. */
  async sql(sql: string): Promise<Array<Record<string, unknown>>> {
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

  /** Asks until `accept` is true of the rows; the last answer is in the error when it never is. */
  async sqlUntil(
    sql: string,
    accept: (rows: Array<Record<string, unknown>>) => boolean,
    seconds = 15,
  ): Promise<Array<Record<string, unknown>>> {
    const until = Date.now() + seconds * 1_000
    let rows: Array<Record<string, unknown>> = []
    while (Date.now() < until) {
      rows = await this.sql(sql)
      if (accept(rows)) return rows
      await new Promise((resolve) => setTimeout(resolve, 200))
    }
    throw new Error(`${sql}: not as expected after ${seconds} s: ${JSON.stringify(rows).slice(0, 2_000)}`)
  }

  /** Ends it in order; its data is removed when the test did not name a directory. */
  async stop(signal: NodeJS.Signals = "SIGTERM"): Promise<number | null> {
    this.child.kill(signal)
    const hard = setTimeout(() => this.child.kill("SIGKILL"), 20_000)
    const code = await this.exited
    clearTimeout(hard)
    if (this.#ownsData) rmSync(this.data, { recursive: true, force: true, maxRetries: 10, retryDelay: 200 })
    return code
  }
}
