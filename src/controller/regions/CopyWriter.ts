// Writes the region's copies of what all regions share, in the leader's name, and notes how far they go. What is copied again is the
// same: a leader that ends between two transactions is followed by one that begins at the last note.

import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type {
  Change as StoreChange,
  Coordination,
  CoordinationError,
  Entry,
  Revision,
  Write,
} from "../../runtime/coordination/Coordination.ts"
import { decodeVersion } from "../config/LayerVersion.ts"
import { type Change, commitEach, type LeaderCommit } from "../placement/commitEach.ts"
import {
  copiedKinds,
  copyKeyOf,
  type CopyState,
  decodeCopy,
  decodeState,
  encodeCopy,
  globalPrefix,
  noCopies,
  settingsCopy,
  stateKey,
} from "./globalKeys.ts"

/** Of one transaction: room for the fence and the note, and bytes far below what a store takes. */
const writesMost = 60
const bytesMost = 500_000

export class CopyWriter<E> {
  readonly counters = { copied: 0, removed: 0, listed: 0 }
  readonly #own: Coordination["Service"]
  readonly #global: Coordination["Service"]
  readonly #prefix: string
  readonly #commit: LeaderCommit<E>
  #state: CopyState = noCopies
  /** Of a list that was taken kind by kind: changes up to there are in it. */
  readonly #listed = new Map<string, Revision>()

  constructor(
    own: Coordination["Service"],
    global: Coordination["Service"],
    prefix: string,
    commit: LeaderCommit<E>,
  ) {
    this.#own = own
    this.#global = global
    this.#prefix = prefix
    this.#commit = commit
  }

  get revision(): Revision {
    return this.#state.revision
  }

  /** Where the leader before stopped. `list`: everything has to be listed; `anew`: the global store is another one than it was. */
  resume(store: string, newest: Revision): Effect.Effect<"goes on" | "list" | "anew", CoordinationError> {
    return Effect.map(this.#own.get(this.#prefix + stateKey), (entry) => {
      const before = decodeState(entry)
      const isSame = before.store === store && before.revision > 0 && before.revision <= newest
      this.#state = { ...before, store, revision: isSame ? before.revision : 0 }
      return isSame ? "goes on" : before.store === "" || before.store === store ? "list" : "anew"
    })
  }

  /** Gives a global store that was made anew what it had, as far as the copies go: whoever comes first. */
  restore(): Effect.Effect<number, CoordinationError> {
    return Effect.gen({ self: this }, function* () {
      const start = this.#prefix + settingsCopy
      const changes: Array<Change> = []
      const add = (key: string, value: string) =>
        changes.push({ when: [{ key, is: "absent" }], write: { put: key, value } })
      for (const entry of (yield* this.#own.list(start)).entries) {
        const name = entry.key.slice(start.length)
        const copy = decodeCopy(entry)
        if (copy === undefined) continue
        add(globalPrefix + name, copy.value)
        const version = decodeVersion({ ...entry, value: copy.value })
        if (name.startsWith("config/") && version !== undefined)
          add(`${globalPrefix}history/${name.slice("config/".length)}/${version.version}`, copy.value)
      }
      return yield* commitEach(changes, (transaction) =>
        Effect.map(this.#global.commit(transaction), ({ isDone }) => isDone),
      )
    })
  }

  /** The global store answered, or why it did not. */
  note(outcome: { readonly contactMs: number } | { readonly problem: string }): Effect.Effect<void, E> {
    this.#state =
      "problem" in outcome ? { ...this.#state, ...outcome } : { ...this.#state, ...outcome, problem: "" }
    return Effect.asVoid(this.#commit({ when: [], writes: [this.#stateWrite()] }))
  }

  /** Changes of the global store, in order. */
  take(changes: ReadonlyArray<StoreChange>): Effect.Effect<void, E> {
    return Effect.gen({ self: this }, function* () {
      const nowMs = yield* Clock.currentTimeMillis
      const writes = new Map<string, Write>()
      let { revision } = this.#state
      for (const change of changes) {
        const { at, key } =
          change.kind === "put"
            ? { key: change.entry.key, at: change.entry.modified }
            : { key: change.key, at: change.revision }
        revision = Math.max(revision, at)
        const copyKey = copyKeyOf(key)
        if (copyKey === undefined || at <= (this.#listed.get(kindOf(key)) ?? 0)) continue
        const copy = this.#prefix + copyKey
        writes.set(
          copy,
          change.kind === "put" ? { put: copy, value: encodeCopy(change.entry, nowMs) } : { remove: copy },
        )
      }
      this.#state = { ...this.#state, revision }
      if (writes.size > 0) yield* this.#write([...writes.values()])
    })
  }

  /** Compares everything with the copies and writes what differs. */
  list(): Effect.Effect<void, E | CoordinationError> {
    return Effect.gen({ self: this }, function* () {
      this.counters.listed++
      const stale = new Map<string, Entry>()
      for (const entry of (yield* this.#own.list(`${this.#prefix}global`)).entries)
        stale.set(entry.key, entry)
      stale.delete(this.#prefix + stateKey)
      const nowMs = yield* Clock.currentTimeMillis
      const writes: Array<Write> = []
      let first = Infinity
      for (const kind of copiedKinds) {
        const { entries, revision } = yield* this.#global.list(globalPrefix + kind)
        first = Math.min(first, revision)
        this.#listed.set(kind, revision)
        for (const entry of entries) {
          const copy = this.#prefix + copyKeyOf(entry.key)!
          const known = decodeCopy(stale.get(copy))
          stale.delete(copy)
          if (known?.globalRevision !== entry.modified || known.value !== entry.value)
            writes.push({ put: copy, value: encodeCopy(entry, nowMs) })
        }
      }
      for (const key of stale.keys()) writes.push({ remove: key })
      this.#state = { ...this.#state, revision: first }
      yield* this.#write(writes)
    })
  }

  /** The note goes with the last part. */
  #write(writes: ReadonlyArray<Write>): Effect.Effect<void, E> {
    return Effect.gen({ self: this }, function* () {
      let part: Array<Write> = []
      let bytes = 0
      for (const write of writes) {
        const size = "put" in write ? Buffer.byteLength(write.value) : 0
        if (part.length === writesMost || bytes + size > bytesMost) {
          yield* this.#commit({ when: [], writes: part })
          part = []
          bytes = 0
        }
        part.push(write)
        bytes += size
        if ("put" in write) this.counters.copied++
        else this.counters.removed++
      }
      yield* this.#commit({ when: [], writes: [...part, this.#stateWrite()] })
    })
  }

  #stateWrite(): Write {
    return { put: this.#prefix + stateKey, value: JSON.stringify(this.#state) }
  }
}

const kindOf = (key: string): string => copiedKinds.find((kind) => key.startsWith(globalPrefix + kind)) ?? ""
