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
import { takeFileLock } from "./fileLock.ts"

const header = '{"sonde":"coordination","version":1}'
/** Bytes of past transactions that are kept at least. */
const slackBytes = 1_048_576
const newline = 0x0a

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

const damaged = (path: string, line: number) =>
  new CoordinationError({
    reason: "refused",
    message: `${path} is damaged at line ${line}, before its end: bring back a copy of it, or move it away to begin anew`,
  })

const writeAll = (descriptor: number, bytes: Buffer): void => {
  for (let written = 0; written < bytes.length;) written += writeSync(descriptor, bytes, written)
}

/** A file's name is only kept for certain once its directory is. */
const syncDirectory = (path: string): void => {
  const descriptor = openSync(dirname(path), "r")
  try {
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}

export class CoordinationFile {
  /** Bytes at the end that a crash had left incomplete. */
  readonly tornBytes: number
  revision: Revision = 1
  private readonly path: string
  private readonly known = new Map<string, Entry>()
  private descriptor: number
  private bytes: number
  /** Length after the last rewrite. */
  private usefulBytes: number
  /** Something that was not acknowledged stands at the end and could not be taken away. */
  private isBroken = false

  private constructor(path: string) {
    this.path = path
    this.descriptor = openSync(path, "a+", 0o600)
    try {
      const text = readFileSync(path)
      const goodBytes = this.read(text)
      this.tornBytes = text.length - goodBytes
      ftruncateSync(this.descriptor, goodBytes)
      if (goodBytes === 0) writeAll(this.descriptor, Buffer.from(`${header}\n`))
      fsyncSync(this.descriptor)
      syncDirectory(path)
      this.bytes = this.usefulBytes = goodBytes === 0 ? header.length + 1 : goodBytes
    } catch (cause) {
      closeSync(this.descriptor)
      throw cause
    }
  }

  /** Bytes of whole lines. */
  private read(bytes: Buffer): number {
    let start = 0
    for (let line = 1; start < bytes.length; line++) {
      const end = bytes.indexOf(newline, start)
      const text = bytes.toString("utf8", start, end === -1 ? bytes.length : end)
      const isLast = end === -1 || end === bytes.length - 1
      if (line === 1) {
        if (text !== header && !(isLast && end === -1 && header.startsWith(text))) {
          throw new CoordinationError({
            reason: "refused",
            message: `${this.path} is not a file of this version of Sonde: move it away to begin anew, or start the version that wrote it`,
          })
        }
        if (end === -1) return 0
      } else {
        const decoded = end === -1 ? Option.none() : decodeLine(text)
        if (Option.isNone(decoded)) {
          if (isLast) return start
          throw damaged(this.path, line)
        }
        this.revision = decoded.value.revision
        this.know(decoded.value.put, decoded.value.removed)
      }
      start = end + 1
    }
    return start
  }

  private know(put: ReadonlyArray<Entry>, removed: ReadonlyArray<string>): void {
    for (const key of removed) this.known.delete(key)
    for (const entry of put) this.known.set(entry.key, entry)
  }

  static readonly open = (path: string): Effect.Effect<CoordinationFile, CoordinationError, Scope.Scope> =>
    Effect.gen(function* () {
      const lock = yield* Effect.acquireRelease(
        Effect.try({
          try: () => {
            mkdirSync(dirname(path), { recursive: true })
            return takeFileLock(`${path}.lock`)
          },
          catch: (cause) => trouble(path, cause),
        }),
        (taken) => Effect.sync(() => taken.kind === "held" && taken.close()),
      )
      if (lock.kind === "taken") {
        return yield* new CoordinationError({
          reason: "refused",
          message: `${path} is in use by ${lock.holder === "" ? "another process" : `process ${lock.holder}`}: stop it, or choose another data directory with --data DIR`,
        })
      }
      if (lock.kind === "no flock") {
        yield* Effect.logWarning(
          `${path} is not guarded against a second server: the command flock (util-linux) is missing`,
        )
      }
      const file = yield* Effect.acquireRelease(
        Effect.try({
          try: () => new CoordinationFile(path),
          catch: (cause) => (cause instanceof CoordinationError ? cause : trouble(path, cause)),
        }),
        (opened) => Effect.sync(() => opened.close()),
      )
      if (file.tornBytes > 0) {
        yield* Effect.logInfo(
          `${path}: ${file.tornBytes} bytes at the end were never acknowledged and are dropped`,
        )
      }
      return file
    })

  get entries(): ReadonlyArray<Entry> {
    return [...this.known.values()]
  }

  /** Undefined once the disk has it. */
  append(revision: Revision, changes: ReadonlyArray<Change>): CoordinationError | undefined {
    const put: Array<Entry> = []
    const removed: Array<string> = []
    for (const change of changes) {
      if (change.kind === "put") put.push(change.entry)
      else if (this.known.has(change.key)) removed.push(change.key)
    }
    if (put.length === 0 && removed.length === 0) return undefined
    const line = Buffer.from(`${JSON.stringify({ revision, put, removed })}\n`)
    try {
      if (this.isBroken) this.cut()
      writeAll(this.descriptor, line)
      fsyncSync(this.descriptor)
    } catch (cause) {
      this.isBroken = true
      try {
        this.cut()
      } catch {
        // Tried again before the next line.
      }
      return trouble(this.path, cause)
    }
    this.bytes += line.length
    this.revision = revision
    this.know(put, removed)
    if (this.bytes > slackBytes + 2 * this.usefulBytes) this.rewrite()
    return undefined
  }

  /** Takes away what was not acknowledged. */
  private cut(): void {
    ftruncateSync(this.descriptor, this.bytes)
    fsyncSync(this.descriptor)
    this.isBroken = false
  }

  private rewrite(): void {
    const draft = `${this.path}.new`
    try {
      const text = Buffer.from(
        `${header}\n${JSON.stringify({ revision: this.revision, put: this.entries, removed: [] })}\n`,
      )
      const descriptor = openSync(draft, "w", 0o600)
      try {
        writeAll(descriptor, text)
        fsyncSync(descriptor)
      } finally {
        closeSync(descriptor)
      }
      const next = openSync(draft, "a+", 0o600)
      renameSync(draft, this.path)
      closeSync(this.descriptor)
      this.descriptor = next
      this.bytes = this.usefulBytes = text.length
      syncDirectory(this.path)
    } catch {
      // The long file is as good; it is tried again after as much has been written.
      this.usefulBytes = this.bytes
    }
  }

  close(): void {
    closeSync(this.descriptor)
  }
}
