// The file behind the store of one server: a line of JSON a transaction, written and synced before it is acknowledged, rewritten as
// a whole when most of it is of the past. A torn last line is what a crash leaves: it was never acknowledged and is dropped.

import {
  closeSync,
  fsyncSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  writeSync,
} from "node:fs"
import { dirname } from "node:path"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import { type Change, CoordinationError, type Entry, type Revision } from "./Coordination.ts"

const header = '{"sonde":"coordination","version":1}'
/** Bytes of past transactions that are kept at least. */
const slackBytes = 1_048_576

const EntryText = Schema.Struct({
  key: Schema.String,
  value: Schema.String,
  modified: Schema.Number,
  created: Schema.Number,
})
const Line = Schema.fromJsonString(
  Schema.Struct({
    revision: Schema.Number,
    put: Schema.Array(EntryText),
    removed: Schema.Array(Schema.String),
  }),
)
const decodeLine = Schema.decodeUnknownOption(Line)

const trouble = (path: string, cause: unknown): CoordinationError => {
  const { code, message } = cause as NodeJS.ErrnoException
  return new CoordinationError({
    reason: code === "ENOSPC" || code === "EDQUOT" ? "full" : "refused",
    message: `${path} cannot be written (${code ?? message}): make room or check the directory's rights`,
    cause,
  })
}

export class CoordinationFile {
  /** Lines at the end that a crash had left incomplete. */
  readonly tornLines: number
  revision: Revision
  private readonly path: string
  private readonly known: Map<string, Entry>
  private descriptor: number
  private bytes: number
  private usefulBytes: number

  private constructor(path: string) {
    this.path = path
    mkdirSync(dirname(path), { recursive: true })
    this.descriptor = openSync(path, "a+", 0o600)
    const text = readFileSync(path, "utf8")
    const lines = text.split("\n")
    const rest = lines.pop() ?? ""
    if (text !== "" && lines[0] !== header && rest !== header.slice(0, rest.length)) {
      closeSync(this.descriptor)
      throw new CoordinationError({
        reason: "refused",
        message: `${path} is not a file of this version of Sonde: move it away to begin anew, or start the version that wrote it`,
      })
    }
    this.known = new Map()
    this.revision = 1
    let torn = rest === "" ? 0 : 1
    let goodBytes = lines.length === 0 ? 0 : Buffer.byteLength(header) + 1
    for (const [at, line] of lines.entries()) {
      if (at === 0) continue
      const decoded = decodeLine(line)
      if (Option.isNone(decoded)) {
        torn = lines.length - at
        break
      }
      goodBytes += Buffer.byteLength(line) + 1
      this.revision = decoded.value.revision
      for (const key of decoded.value.removed) this.known.delete(key)
      for (const entry of decoded.value.put) this.known.set(entry.key, entry)
    }
    this.tornLines = torn
    if (goodBytes === 0) {
      ftruncateSync(this.descriptor, 0)
      writeSync(this.descriptor, `${header}\n`)
      goodBytes = Buffer.byteLength(header) + 1
    } else ftruncateSync(this.descriptor, goodBytes)
    fsyncSync(this.descriptor)
    this.bytes = goodBytes
    this.usefulBytes = goodBytes
  }

  static open(path: string): Effect.Effect<CoordinationFile, CoordinationError, Scope.Scope> {
    return Effect.acquireRelease(
      Effect.try({
        try: () => new CoordinationFile(path),
        catch: (cause) => (cause instanceof CoordinationError ? cause : trouble(path, cause)),
      }),
      (file) => Effect.sync(() => file.close()),
    )
  }

  get entries(): ReadonlyArray<Entry> {
    return [...this.known.values()]
  }

  /** Undefined once the disk has it; `entries` gives everything, for when the file is rewritten. */
  append(
    revision: Revision,
    changes: ReadonlyArray<Change>,
    entries: () => ReadonlyArray<Entry>,
  ): CoordinationError | undefined {
    const put: Array<Entry> = []
    const removed: Array<string> = []
    for (const change of changes) {
      if (change.kind === "put") put.push(change.entry)
      else if (this.known.has(change.key)) removed.push(change.key)
    }
    if (put.length === 0 && removed.length === 0) return undefined
    const line = Buffer.from(`${JSON.stringify({ revision, put, removed })}\n`)
    try {
      let written = 0
      while (written < line.length) written += writeSync(this.descriptor, line, written)
      fsyncSync(this.descriptor)
    } catch (cause) {
      this.cutTo(this.bytes)
      return trouble(this.path, cause)
    }
    this.bytes += line.length
    this.revision = revision
    for (const key of removed) this.known.delete(key)
    for (const entry of put) this.known.set(entry.key, entry)
    if (this.bytes > slackBytes + 2 * this.usefulBytes) this.rewrite(revision, entries())
    return undefined
  }

  private cutTo(bytes: number): void {
    try {
      ftruncateSync(this.descriptor, bytes)
    } catch {
      // A torn line stays; it is dropped when the file is read.
    }
  }

  private rewrite(revision: Revision, entries: ReadonlyArray<Entry>): void {
    const draft = `${this.path}.new`
    try {
      const descriptor = openSync(draft, "w", 0o600)
      const text = Buffer.from(`${header}\n${JSON.stringify({ revision, put: entries, removed: [] })}\n`)
      let written = 0
      while (written < text.length) written += writeSync(descriptor, text, written)
      fsyncSync(descriptor)
      closeSync(descriptor)
      renameSync(draft, this.path)
      closeSync(this.descriptor)
      this.descriptor = openSync(this.path, "a+", 0o600)
      this.bytes = this.usefulBytes = text.length
    } catch {
      // The long file is as good; try again after as much has been written.
      this.usefulBytes = this.bytes
    }
  }

  close(): void {
    closeSync(this.descriptor)
  }
}
