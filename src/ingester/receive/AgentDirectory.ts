// Which agents this server knows: who they are, whether they are connected, what they last told of themselves. In memory only;
// bounded: beyond the limit the agent that is away the longest is forgotten.

import * as Context from "effect/Context"
import * as Layer from "effect/Layer"
import type { AgentStatus } from "../../model/AgentStatus.ts"
import type { Hello } from "../../wire/messages.ts"

export interface AgentRecord {
  readonly id: string
  readonly host: string
  readonly version: string
  /** Names the agent's present life. */
  readonly instance: string
  readonly address: string
  readonly capabilities: ReadonlyArray<string>
  readonly connected: boolean
  /** Microseconds since 1970. */
  readonly lastSeenUs: number
  /** Batches and rows taken from this agent since this server started. */
  readonly batches: number
  readonly rows: number
  /** Undefined until it told. */
  readonly status: AgentStatus | undefined
}

type Entry = { -readonly [Key in keyof AgentRecord]: AgentRecord[Key] } & { connections: number }

export class AgentRegistry {
  /** Agents forgotten because there were too many. */
  forgotten = 0
  readonly #agents = new Map<string, Entry>()
  readonly #most: number

  constructor(most = 10_000) {
    this.#most = most
  }

  connected(hello: Hello, address: string, nowUs: number): void {
    const before = this.#agents.get(hello.agent)
    // Taken out and put in again: the map stays in the order of connecting.
    this.#agents.delete(hello.agent)
    if (this.#agents.size >= this.#most) this.#forgetOne()
    this.#agents.set(hello.agent, {
      id: hello.agent,
      host: hello.host,
      version: hello.version,
      instance: hello.instance,
      address,
      capabilities: hello.capabilities,
      connected: true,
      lastSeenUs: nowUs,
      batches: before?.batches ?? 0,
      rows: before?.rows ?? 0,
      status: before?.status,
      connections: (before?.connections ?? 0) + 1,
    })
  }

  #forgetOne(): void {
    for (const entry of this.#agents.values()) {
      if (entry.connected) continue
      this.#agents.delete(entry.id)
      this.forgotten++
      return
    }
  }

  disconnected(id: string, nowUs: number): void {
    const entry = this.#agents.get(id)
    if (entry === undefined) return
    entry.connections--
    entry.connected = entry.connections > 0
    entry.lastSeenUs = nowUs
  }

  seen(id: string, nowUs: number): void {
    const entry = this.#agents.get(id)
    if (entry !== undefined) entry.lastSeenUs = nowUs
  }

  took(id: string, rows: number): void {
    const entry = this.#agents.get(id)
    if (entry === undefined) return
    entry.batches++
    entry.rows += rows
  }

  told(id: string, status: AgentStatus): void {
    const entry = this.#agents.get(id)
    if (entry !== undefined) entry.status = status
  }

  get size(): number {
    return this.#agents.size
  }

  /** In the order in which they connected last. */
  list(): ReadonlyArray<AgentRecord> {
    return [...this.#agents.values()].map((entry) => ({ ...entry }))
  }
}

export class AgentDirectory extends Context.Service<AgentDirectory, AgentRegistry>()(
  "sonde/ingester/AgentDirectory",
) {
  static readonly layer: Layer.Layer<AgentDirectory> = Layer.sync(AgentDirectory, () => new AgentRegistry())
}
