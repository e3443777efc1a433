// One life of the embedded ClickHouse process: spawn, wait until it answers, stop in good order. Restarting is not its matter.
// Invariant: the child holds the read end of a pipe of ours, so that it ends when this process does, however that happens.

import { type ChildProcess, spawn } from "node:child_process"
import { get } from "node:http"
import type { EngineFiles } from "./engineFiles.ts"

/** What the child wrote to standard error, its end only. */
const maxErrorText = 4_096
const pingIntervalMs = 15
/** The launcher ends by itself 10 s after its input closed. */
const stopTimeoutMs = 12_000

/** `stdin` is the lifeline: the query ends, and with it the process, when it is closed. */
const lifelineQuery = (protocols: ReadonlyArray<string>): string =>
  `${protocols.map((one) => `SYSTEM START LISTEN ${one}; `).join("")}SELECT count() FROM file('stdin', 'LineAsString', 'line String') FORMAT Null`

const ping = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const request = get(
      { host: "127.0.0.1", port, path: "/ping", agent: false, timeout: 1_000 },
      (response) => {
        response.resume()
        response.on("close", () => resolve(response.statusCode === 200))
      },
    )
    request.on("timeout", () => request.destroy())
    request.on("error", () => resolve(false))
  })

export interface EngineExit {
  readonly code: number | null
  readonly signal: string | null
  readonly errorText: string
}

export interface EngineProcessOptions {
  readonly directory: string
  readonly config: string
  readonly log: string
  readonly port: number
  readonly protocols: ReadonlyArray<"HTTP" | "TCP">
}

export class EngineProcess {
  readonly #child: ChildProcess
  readonly #port: number
  #errorText = ""
  #exit: EngineExit | undefined
  /** Settles when the process is gone; never rejects. */
  readonly exited: Promise<EngineExit>

  constructor(files: EngineFiles, options: EngineProcessOptions) {
    this.#port = options.port
    this.#child = spawn(
      files.launcher,
      [
        files.library,
        options.directory,
        `--config-file=${options.config}`,
        "--log-level=warning",
        `--logger.log=${options.log}`,
        `--query=${lifelineQuery(options.protocols)}`,
      ],
      // Nothing of our environment reaches the engine but where it may find its libraries and time zones.
      { stdio: ["pipe", "ignore", "pipe"], env: { PATH: process.env["PATH"] ?? "", TZ: "UTC" } },
    )
    this.#child.stdin?.on("error", () => {})
    this.#child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      this.#errorText = (this.#errorText + text).slice(-maxErrorText)
    })
    this.exited = new Promise((resolve) => {
      const end = (code: number | null, signal: string | null) => {
        this.#exit ??= { code, signal, errorText: this.#errorText.replace(/^Logging .*\n/, "").trim() }
        resolve(this.#exit)
      }
      this.#child.on("error", (error) => {
        this.#errorText += error.message
        end(null, null)
      })
      this.#child.on("close", end)
    })
  }

  get pid(): number {
    return this.#child.pid ?? 0
  }

  /** True once it answers; false when it ended or `timeoutMs` passed before. */
  async ready(timeoutMs: number): Promise<boolean> {
    const untilMs = performance.now() + timeoutMs
    while (this.#exit === undefined && performance.now() < untilMs) {
      if (await ping(this.#port)) return true
      await new Promise((resolve) => setTimeout(resolve, pingIntervalMs))
    }
    return false
  }

  /** Lets it finish its queries and close its tables; by force when that takes too long. */
  async stop(): Promise<void> {
    this.#child.stdin?.end()
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), stopTimeoutMs)
    await this.exited
    clearTimeout(timer)
  }
}
