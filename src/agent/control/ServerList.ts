// Where the agent looks for a server: the one it belongs to, those it was configured with, those it was told of. What it was told
// is kept in the data directory, so that an agent finds the region even when all configured servers are gone.

import { randomUUID } from "node:crypto"
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { ServerAddress } from "../../wire/control/AgentRpc.ts"

const Told = Schema.fromJsonString(Schema.Array(ServerAddress))
const decodeTold = Schema.decodeUnknownOption(Told)

const toldMost = 256
/** How long a server that could not be reached is tried after all others, milliseconds. */
const shunMs = 30_000

export class ServerList {
  private readonly file: string
  private readonly configured: ReadonlyArray<string>
  private told: ReadonlyArray<ServerAddress>
  private belongsTo: ServerAddress | undefined
  /** Where the agent was sent last, or was. */
  private last: ServerAddress | undefined
  /** When an address failed last. */
  private readonly failedMs = new Map<string, number>()

  constructor(directory: string, configured: ReadonlyArray<string>) {
    this.configured = configured
    this.file = join(directory, "servers.json")
    mkdirSync(directory, { recursive: true })
    this.told = this.read()
  }

  private read(): ReadonlyArray<ServerAddress> {
    try {
      return Option.getOrElse(decodeTold(readFileSync(this.file, "utf8")), () => [])
    } catch {
      return []
    }
  }

  /** Control addresses, the best first. */
  candidates(nowMs: number): ReadonlyArray<string> {
    const all = [
      ...(this.belongsTo === undefined ? [] : [this.belongsTo.control]),
      ...this.configured,
      ...this.told.map(({ control }) => control),
    ]
    const distinct = [...new Set(all)]
    const isShunned = (address: string) => nowMs - (this.failedMs.get(address) ?? -Infinity) < shunMs
    return [...distinct.filter((address) => !isShunned(address)), ...distinct.filter(isShunned)]
  }

  /** The server that the agent belonged to last, or one of its region; undefined: it was never told. */
  get home(): ServerAddress | undefined {
    return this.last ?? this.told[0]
  }

  /** It is tried next, also when it failed lately: whoever sent the agent there was told so (`unreachable`) and has no other. */
  moved(server: ServerAddress): void {
    this.belongsTo = server
    this.last = server
    this.failedMs.delete(server.control)
  }

  reached(address: string): void {
    this.failedMs.delete(address)
  }

  failed(address: string, nowMs: number): void {
    this.failedMs.set(address, nowMs)
    if (this.failedMs.size > 2 * toldMost) this.failedMs.clear()
    if (this.belongsTo?.control === address) this.belongsTo = undefined
  }

  /** Ids of servers whose control address failed lately, also of one that it knows only because it was sent there. */
  unreachable(nowMs: number): ReadonlyArray<string> {
    const known = this.last === undefined ? this.told : [this.last, ...this.told]
    const ids = known
      .filter(({ control }) => nowMs - (this.failedMs.get(control) ?? -Infinity) < shunMs)
      .map(({ id }) => id)
    return [...new Set(ids)].slice(0, 16)
  }

  /** False: the list could not be kept on disk; it holds for this life of the agent. */
  tell(servers: ReadonlyArray<ServerAddress>, self: ServerAddress): boolean {
    this.belongsTo = self
    this.last = self
    const told = servers.slice(0, toldMost)
    if (JSON.stringify(told) === JSON.stringify(this.told)) return true
    this.told = told
    try {
      const draft = `${this.file}.${randomUUID().slice(0, 8)}`
      writeFileSync(draft, JSON.stringify(told), { mode: 0o600 })
      renameSync(draft, this.file)
      return true
    } catch {
      return false
    }
  }
}
