// The processes that have the region's agents, and what the agents say of themselves.

import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { closeSync, openSync } from "node:fs"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"
import { agentId } from "../../bench/simulatedAgent.ts"
import type { AgentHostOptions, HostTold } from "./agentHost.ts"
import { TestClock } from "./TestClock.ts"

const program = fileURLToPath(new URL("agentHost.ts", import.meta.url))

export type Settled = Extract<HostTold, { readonly event: "settled" }>

/** An agent by its own words; of this life. */
export interface AgentWords {
  server?: string
  flushMs?: number
  settled?: Settled
}

export class AgentHost {
  readonly name: string
  readonly clock: TestClock
  child: ChildProcess
  readonly #options: Omit<AgentHostOptions, "life">
  readonly #words: Map<string, AgentWords>
  #life = 0

  constructor(
    name: string,
    clock: TestClock,
    options: Omit<AgentHostOptions, "life">,
    words: Map<string, AgentWords>,
  ) {
    this.name = name
    this.clock = clock
    this.#options = options
    this.#words = words
    this.child = this.#start()
  }

  #start(): ChildProcess {
    for (let at = 0; at < this.#options.count; at++) this.#words.set(agentId(this.#options.from + at), {})
    const options: AgentHostOptions = { ...this.#options, life: this.#life++ }
    const log = openSync(`${this.#options.directory}.log`, "a")
    const child = spawn(
      process.execPath,
      ["--disable-warning=ExperimentalWarning", program, JSON.stringify(options)],
      { stdio: ["pipe", "pipe", log], env: { ...process.env, ...this.clock.env } },
    )
    closeSync(log)
    child.stdin!.on("error", () => undefined)
    createInterface({ input: child.stdout! }).on("line", (line) => {
      // What a process that was killed had still to say counts no more.
      if (child !== this.child) return
      const told = JSON.parse(line) as HostTold
      const words = this.#words.get(told.agent)!
      if (told.event === "assigned") words.server = told.server
      if (told.event === "config") words.flushMs = told.flushMs
      if (told.event === "settled") words.settled = told
    })
    return child
  }

  async kill(): Promise<void> {
    const exited = once(this.child, "exit")
    this.child.kill("SIGKILL")
    await exited
    TestClock.clear(this.child.pid)
  }

  restart(): void {
    this.child = this.#start()
  }

  /** No more batches are made; each agent says when nothing is owed. */
  rest(): void {
    this.child.stdin!.write("rest\n")
  }
}
