// The regions where this agent may be a guest, as its own region told last: kept in the data directory, since it is needed when nobody
// there can be asked any more.

import { randomUUID } from "node:crypto"
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { Elsewhere } from "../../wire/control/AgentRpc.ts"

const decode = Schema.decodeUnknownOption(Schema.fromJsonString(Elsewhere))

export class KnownElsewhere {
  readonly #file: string
  #current: Elsewhere | undefined

  constructor(directory: string) {
    this.#file = join(directory, "elsewhere.json")
    mkdirSync(directory, { recursive: true })
    try {
      this.#current = Option.getOrUndefined(decode(readFileSync(this.#file, "utf8")))
    } catch {
      this.#current = undefined
    }
  }

  /** Undefined: nowhere. */
  get current(): Elsewhere | undefined {
    return this.#current
  }

  /** False: it could not be kept on disk; it holds for this life of the agent. */
  tell(elsewhere: Elsewhere | undefined): boolean {
    if (JSON.stringify(elsewhere) === JSON.stringify(this.#current)) return true
    this.#current = elsewhere
    try {
      if (elsewhere === undefined) {
        rmSync(this.#file, { force: true })
        return true
      }
      const draft = `${this.#file}.${randomUUID().slice(0, 8)}`
      writeFileSync(draft, JSON.stringify(elsewhere), { mode: 0o600 })
      renameSync(draft, this.#file)
      return true
    } catch {
      return false
    }
  }
}
