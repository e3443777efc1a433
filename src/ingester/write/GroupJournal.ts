// Groups of batches on their way into the database, one file each, so that a group is carried out to its end, with the same blocks
// under the same token, also by the next life of a server that was killed in between; and notes of the batches that were stored.
// A file is complete or not there; it outlives the process, not the power: until a group is stored, the agents have its batches too.

import { randomUUID } from "node:crypto"
import { mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs"
import { appendFile, open, readFile, rename, rm } from "node:fs/promises"
import { join } from "node:path"
import * as Clock from "effect/Clock"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import { Packr, Unpackr } from "msgpackr"

/** Rows for one table, as Native blocks that are inserted together. */
export interface GroupTable {
  /** Qualified name. */
  readonly table: string
  readonly columns: ReadonlyArray<string>
  readonly blocks: ReadonlyArray<{
    /** Of the batch it belongs to. */
    readonly token: string
    readonly rows: number
    readonly block: Uint8Array
  }>
}

export interface Group {
  /** Deduplication token of its inserts. */
  readonly token: string
  readonly tables: ReadonlyArray<GroupTable>
}

/** Tokens of all batches of a group. */
export const batchesOf = ({ tables }: Group): ReadonlyArray<string> => [
  ...new Set(tables.flatMap(({ blocks }) => blocks.map(({ token }) => token))),
]

export class JournalError extends Data.TaggedError("JournalError")<{
  readonly message: string
  readonly cause: unknown
}> {}

const ending = ".group"
/** Written in turn: the older is emptied when the newer is full. */
const noteFiles: ReadonlyArray<string> = ["stored.0", "stored.1"]
const notesOfFile = 32_768
const lengthBytes = 4

const packr = new Packr({ useRecords: false })
const unpackr = new Unpackr({ useRecords: false })

/** Everything but the blocks, which follow in the file as they are. */
interface Header {
  readonly token: string
  readonly tables: ReadonlyArray<{
    readonly table: string
    readonly columns: ReadonlyArray<string>
    readonly blocks: ReadonlyArray<{ readonly token: string; readonly rows: number; readonly bytes: number }>
  }>
}

/** Pieces of the file, none of them copied. */
const encode = ({ tables, token }: Group): ReadonlyArray<Uint8Array> => {
  const header: Header = {
    token,
    tables: tables.map(({ blocks, columns, table }) => ({
      table,
      columns,
      blocks: blocks.map((one) => ({ token: one.token, rows: one.rows, bytes: one.block.length })),
    })),
  }
  const packed = packr.pack(header)
  const length = Buffer.alloc(lengthBytes)
  length.writeUInt32LE(packed.length)
  return [length, packed, ...tables.flatMap(({ blocks }) => blocks.map(({ block }) => block))]
}

const isHeader = (value: unknown): value is Header =>
  typeof value === "object" &&
  value !== null &&
  typeof Reflect.get(value, "token") === "string" &&
  Array.isArray(Reflect.get(value, "tables"))

const unpacked = (bytes: Buffer): unknown => {
  try {
    return unpackr.unpack(bytes) as unknown
  } catch {
    return undefined
  }
}

/** Undefined for what is not exactly one group. */
const decode = (bytes: Buffer): Group | undefined => {
  if (bytes.length < lengthBytes) return undefined
  let at = lengthBytes + bytes.readUInt32LE(0)
  const header = at > bytes.length ? undefined : unpacked(bytes.subarray(lengthBytes, at))
  if (!isHeader(header)) return undefined
  const tables = header.tables.map(({ blocks, columns, table }) => ({
    table,
    columns,
    blocks: blocks.map(({ bytes: length, rows, token }) => ({
      token,
      rows,
      block: bytes.subarray(at, (at += length)),
    })),
  }))
  return at === bytes.length ? { token: header.token, tables } : undefined
}

const writePieces = async (path: string, pieces: ReadonlyArray<Uint8Array>): Promise<void> => {
  const file = await open(path, "wx", 0o600)
  try {
    const bytes = pieces.reduce((sum, piece) => sum + piece.length, 0)
    const { bytesWritten } = await file.writev(pieces)
    if (bytesWritten !== bytes) throw new Error(`${bytesWritten} of ${bytes} bytes were written`)
  } finally {
    await file.close()
  }
}

export class GroupJournal {
  /** Files that held no whole group; their batches come again. */
  damaged = 0
  readonly #directory: string
  /** Which file of notes is written to, and how many are in it. */
  #current = 0
  #noted = 0
  readonly #left: ReadonlyArray<string>

  private constructor(directory: string, left: ReadonlyArray<string>) {
    this.#directory = directory
    this.#left = left
  }

  static readonly open = (directory: string): Effect.Effect<GroupJournal, JournalError> =>
    Effect.try({
      try: () => {
        mkdirSync(directory, { recursive: true, mode: 0o700 })
        const left: Array<string> = []
        for (const name of readdirSync(directory).sort()) {
          if (name.endsWith(ending)) left.push(name)
          else if (!noteFiles.includes(name)) rmSync(join(directory, name), { force: true })
        }
        return new GroupJournal(directory, left)
      },
      catch: (cause) =>
        new JournalError({ message: `the journal ${directory} cannot be used: ${String(cause)}`, cause }),
    })

  /** Keeps a group; the name is for `finish`. */
  keep(group: Group): Effect.Effect<string, JournalError> {
    return Effect.flatMap(Clock.currentTimeMillis, (nowMs) => {
      const name = `${String(nowMs).padStart(14, "0")}-${randomUUID()}${ending}`
      const path = join(this.#directory, name)
      return Effect.tryPromise({
        try: async () => {
          await writePieces(`${path}.part`, encode(group))
          await rename(`${path}.part`, path)
          return name
        },
        catch: (cause) =>
          new JournalError({ message: `a group cannot be kept in ${path}: ${String(cause)}`, cause }),
      }).pipe(Effect.onError(() => Effect.promise(() => rm(`${path}.part`, { force: true }).catch(() => {}))))
    })
  }

  /**
   * The group is stored: notes its batches, which may come again when a server was killed before it could acknowledge them, and
   * removes the file. One that cannot be removed is carried out once more at the next start, which changes nothing.
   */
  finish(name: string, group: Group): Effect.Effect<void> {
    return Effect.promise(async () => {
      try {
        const tokens = batchesOf(group)
        if (this.#noted >= notesOfFile) {
          this.#current = 1 - this.#current
          this.#noted = 0
          await rm(this.#notesPath(), { force: true })
        }
        this.#noted += tokens.length
        // The line break comes first: what a sudden end left of a line stays by itself.
        await appendFile(this.#notesPath(), tokens.map((token) => `\n${token}`).join(""), { mode: 0o600 })
        await rm(join(this.#directory, name), { force: true })
      } catch {}
    })
  }

  /** A file that holds nothing. */
  discard(name: string): Effect.Effect<void> {
    return Effect.promise(() => rm(join(this.#directory, name), { force: true }).catch(() => {}))
  }

  #notesPath(): string {
    return join(this.#directory, noteFiles[this.#current]!)
  }

  /** Batches that were stored lately, in this life or an earlier one; at most two files of notes. */
  storedBatches(): ReadonlyArray<string> {
    return noteFiles.flatMap((name) => {
      try {
        return readFileSync(join(this.#directory, name), "utf8")
          .split("\n")
          .filter((line) => line !== "")
      } catch {
        return []
      }
    })
  }

  /** Groups that an earlier life left behind, oldest first; each is read when its turn comes. */
  left(): ReadonlyArray<{ readonly name: string; readonly read: Effect.Effect<Group | undefined> }> {
    return this.#left.map((name) => ({
      name,
      read: Effect.promise(async () => {
        const group = await readFile(join(this.#directory, name)).then(decode, () => undefined)
        if (group === undefined) this.damaged++
        return group
      }),
    }))
  }
}
