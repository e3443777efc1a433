// The sender's directory of batches that wait for the server: one file a batch, named after what it holds, complete or absent.
// A file counts as kept when it and its directory entry are synced. Content is the BATCH frame itself, whose checksum tells a
// damaged file. One agent owns a directory.

import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import { existsSync, mkdirSync, readdirSync, rmSync, statSync } from "node:fs"
import { open, readFile, rename, rm } from "node:fs/promises"
import { dirname, join } from "node:path"
import { type RowKind, rowKinds } from "../../model/columns.ts"
import { FrameType, readFrame } from "../../wire/frame.ts"

/** The spool cannot be used: disk full, no rights, no such directory. */
export class SpoolError extends Data.TaggedError("SpoolError")<{
  readonly message: string
  readonly cause: unknown
}> {}

export interface SpooledFile {
  readonly file: string
  readonly fileBytes: number
  readonly instance: string
  readonly seq: number
  readonly kind: RowKind
  readonly rows: number
}

const seqDigits = 16
const filePattern = /^([0-9a-z-]{1,64})\.(\d{16})\.([a-z0-9]+)\.(\d{1,6})\.batch$/
const unfinished = ".part"

const spoolError = (what: string, directory: string) => (cause: unknown) =>
  new SpoolError({
    message: `${what} in ${directory}: ${cause instanceof Error ? cause.message : String(cause)}`,
    cause,
  })

/** Not `recursive`: under /proc that never returns (Node 24). */
const makeDirectory = (path: string): void => {
  try {
    mkdirSync(path, { mode: 0o700 })
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    if (code === "EEXIST") return
    if (code !== "ENOENT" || existsSync(dirname(path))) throw cause
    makeDirectory(dirname(path))
    mkdirSync(path, { mode: 0o700 })
  }
}

export class Spool {
  readonly directory: string
  private readonly filesMost: number

  private constructor(directory: string, filesMost: number) {
    this.directory = directory
    this.filesMost = filesMost
  }

  /** Makes the directory and clears away what was never finished; gives the number of such files. */
  static open(
    directory: string,
    filesMost = 100_000,
  ): Effect.Effect<{ readonly spool: Spool; readonly unfinishedFiles: number }, SpoolError> {
    return Effect.try({
      try: () => {
        makeDirectory(directory)
        let unfinishedFiles = 0
        for (const name of readdirSync(directory)) {
          if (!name.endsWith(unfinished)) continue
          rmSync(join(directory, name), { force: true })
          unfinishedFiles++
        }
        return { spool: new Spool(directory, filesMost), unfinishedFiles }
      },
      catch: spoolError("cannot open the spool", directory),
    })
  }

  /** What earlier lives of the agent left, oldest first (instances begin with their time). */
  list(): Effect.Effect<ReadonlyArray<SpooledFile>, SpoolError> {
    return Effect.try({
      try: () => {
        const files: Array<SpooledFile> = []
        for (const file of readdirSync(this.directory).sort()) {
          const match = filePattern.exec(file)
          if (match === null || !Object.hasOwn(rowKinds, match[3])) continue
          if (files.length >= this.filesMost) break
          const fileBytes = statSync(join(this.directory, file)).size
          const [, instance, seq, kind, rows] = match
          files.push({
            file,
            fileBytes,
            instance,
            seq: Number(seq),
            kind: kind as RowKind,
            rows: Number(rows),
          })
        }
        return files
      },
      catch: spoolError("cannot list the spool", this.directory),
    })
  }

  static fileName(entry: Pick<SpooledFile, "instance" | "seq" | "kind" | "rows">): string {
    const seq = String(entry.seq).padStart(seqDigits, "0")
    return `${entry.instance}.${seq}.${entry.kind}.${entry.rows}.batch`
  }

  /** Completes when the frame would survive the loss of power; leaves nothing behind when it fails. */
  write(file: string, frame: Uint8Array): Effect.Effect<void, SpoolError> {
    const path = join(this.directory, file)
    return Effect.tryPromise({
      try: async () => {
        try {
          const handle = await open(path + unfinished, "w", 0o600)
          try {
            await handle.writeFile(frame)
            await handle.sync()
          } finally {
            await handle.close()
          }
          await rename(path + unfinished, path)
          const directory = await open(this.directory, "r")
          try {
            await directory.sync()
          } finally {
            await directory.close()
          }
        } catch (cause) {
          await rm(path + unfinished, { force: true }).catch(() => {})
          throw cause
        }
      },
      catch: spoolError("cannot write a batch", this.directory),
    })
  }

  /** The frame as it was written; undefined when the file is gone or damaged. */
  read(file: string): Effect.Effect<Uint8Array | undefined> {
    return Effect.promise(async () => {
      try {
        const bytes = await readFile(join(this.directory, file))
        return readFrame(bytes)?.type === FrameType.batch ? bytes : undefined
      } catch {
        return undefined
      }
    })
  }

  /** A file that cannot be removed is sent again by the next life of the agent; servers tell that it is the same batch. */
  remove(file: string): Effect.Effect<void> {
    return Effect.promise(() => rm(join(this.directory, file), { force: true }).catch(() => {}))
  }
}
