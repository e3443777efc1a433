// What a server set for this agent and worked, in the data directory: the agent begins with it when no server can be reached, and goes
// back to it when something newer does not work. Also what did not work, so that it is not tried again. Whole or not there:
// written beside, synced, renamed; a damaged file counts as none.

import { createHash } from "node:crypto"
import { closeSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, writeSync } from "node:fs"
import { join } from "node:path"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { type AgentValues, canonicalJson } from "../../runtime/agentValues.ts"

const Told = Schema.Struct({
  version: Schema.Number,
  digest: Schema.String,
  values: Schema.Record(Schema.String, Schema.Unknown),
})

/** What a server sets, by path. */
export interface ToldConfig {
  /** 0: nothing was ever set. */
  readonly version: number
  /** Empty: nothing is set. */
  readonly digest: string
  readonly values: AgentValues
}

export const nothingTold: ToldConfig = { version: 0, digest: "", values: {} }

const Content = Schema.Struct({
  good: Told,
  /** Begun and not ended: the agent was cut off while it took this one. */
  trying: Schema.Struct({ digest: Schema.String, times: Schema.Number }),
  /** `sonde`: the version of Sonde that could not use it; another may. */
  failed: Schema.Array(
    Schema.Struct({ digest: Schema.String, sonde: Schema.String, problem: Schema.String }),
  ),
})
type Content = typeof Content.Type

const File = Schema.Struct({ format: Schema.Literal(1), checksum: Schema.String, content: Content })
const decode = Schema.decodeUnknownOption(Schema.fromJsonString(File))

const nothing: Content = { good: nothingTold, trying: { digest: "", times: 0 }, failed: [] }

/** Failures that are remembered; the oldest give way. */
const failedMost = 32
/** An agent that was cut off so often while it took a configuration does not try it again: it may be what kills it. */
export const triesMost = 2

const checksumOf = (content: Content): string =>
  createHash("sha256").update(canonicalJson(content)).digest("hex")

export class LastGoodConfig {
  readonly file: string
  /** Why the file is not as it should be; empty: it is. */
  trouble = ""
  private readonly directory: string
  private readonly sonde: string
  private content: Content

  constructor(directory: string, sondeVersion: string) {
    this.directory = directory
    this.sonde = sondeVersion
    this.file = join(directory, "agent-config.json")
    this.content = this.read()
  }

  private read(): Content {
    let text: string
    try {
      text = readFileSync(this.file, "utf8")
    } catch (cause) {
      const { code } = cause as NodeJS.ErrnoException
      if (code !== "ENOENT") this.trouble = `${this.file} cannot be read (${code})`
      return nothing
    }
    const file = Option.getOrUndefined(decode(text))
    if (file !== undefined && file.checksum === checksumOf(file.content)) return file.content
    this.trouble = `${this.file} is damaged or of another version: this agent begins with its own settings`
    return nothing
  }

  private keep(content: Content): void {
    this.content = content
    const draft = `${this.file}.part`
    try {
      mkdirSync(this.directory, { recursive: true, mode: 0o700 })
      const descriptor = openSync(draft, "w", 0o600)
      try {
        writeSync(descriptor, JSON.stringify({ format: 1, checksum: checksumOf(content), content }))
        fsyncSync(descriptor)
      } finally {
        closeSync(descriptor)
      }
      renameSync(draft, this.file)
      const directory = openSync(this.directory, "r")
      try {
        fsyncSync(directory)
      } finally {
        closeSync(directory)
      }
      this.trouble = ""
    } catch (cause) {
      this.trouble = `${this.file} cannot be written (${cause instanceof Error ? cause.message : String(cause)})`
    }
  }

  get good(): ToldConfig {
    return this.content.good
  }

  /** Why it is not to be tried; undefined: it may be. */
  failure(digest: string): string | undefined {
    const known = this.content.failed.find((one) => one.digest === digest && one.sonde === this.sonde)
    if (known !== undefined) return known.problem
    const { trying } = this.content
    return trying.digest === digest && trying.times >= triesMost
      ? `the agent ended ${trying.times} times while it took this configuration`
      : undefined
  }

  begin(digest: string): void {
    const { trying } = this.content
    this.keep({
      ...this.content,
      trying: { digest, times: trying.digest === digest ? trying.times + 1 : 1 },
    })
  }

  /** The agent ends, and not for what it takes just now. */
  stopped(): void {
    if (this.content.trying.times > 0) this.keep({ ...this.content, trying: nothing.trying })
  }

  worked(told: ToldConfig): void {
    this.keep({ ...this.content, good: told, trying: nothing.trying })
  }

  didNotWork(digest: string, problem: string): void {
    const others = this.content.failed.filter((one) => one.digest !== digest)
    const failed = [...others, { digest, sonde: this.sonde, problem }].slice(-failedMost)
    this.keep({ ...this.content, trying: nothing.trying, failed })
  }
}
