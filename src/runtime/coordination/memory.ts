// The store of one server: maps in this process, with a file behind them that keeps what is not bound to a lease. Every write is
// one synchronous step, so transactions need no lock; it is acknowledged once the file has it (docs/decisions/0008).

import * as Clock from "effect/Clock"
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Queue from "effect/Queue"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import {
  type Change,
  type Committed,
  type Condition,
  Coordination,
  CoordinationError,
  type Entry,
  type Lease,
  type Revision,
  valueBytesMost,
  type Write,
  writesMost,
} from "./Coordination.ts"
import { CoordinationFile } from "./CoordinationFile.ts"

/** Changes kept for watches that begin in the past; those that begin earlier must list again. */
const historyMost = 10_000
/** Batches of changes that may wait at one watch; beyond it ends, and its owner lists again. */
const watchMost = 10_000

interface MemoryLease extends Lease {
  readonly keys: Set<string>
  isLost: boolean
}

const refused = (message: string) => new CoordinationError({ reason: "refused", message })

export class MemoryStore {
  revision: Revision = 1
  private readonly entries = new Map<string, Entry>()
  private readonly leases = new Map<string, MemoryLease>()
  private readonly leaseOf = new Map<string, MemoryLease>()
  private history: Array<{ readonly revision: Revision; readonly changes: ReadonlyArray<Change> }> = []
  /** Changes up to this revision are no longer known. */
  private compacted: Revision = 1
  private readonly watches = new Set<{
    readonly prefix: string
    readonly queue: Queue.Queue<ReadonlyArray<Change>, CoordinationError | Cause.Done>
  }>()
  private readonly file: CoordinationFile | undefined
  private nextLease = 1

  constructor(file?: CoordinationFile) {
    this.file = file
    if (file === undefined) return
    for (const entry of file.entries) this.entries.set(entry.key, entry)
    this.revision = this.compacted = Math.max(1, file.revision)
  }

  get(key: string): Entry | undefined {
    return this.entries.get(key)
  }

  list(prefix: string): ReadonlyArray<Entry> {
    const found: Array<Entry> = []
    for (const entry of this.entries.values()) if (entry.key.startsWith(prefix)) found.push(entry)
    return found.sort((one, other) => (one.key < other.key ? -1 : 1))
  }

  private holds(condition: Condition): boolean {
    const entry = this.entries.get(condition.key)
    switch (condition.is) {
      case "absent":
        return entry === undefined
      case "modified":
        return entry?.modified === condition.at
      case "created":
        return entry?.created === condition.at
    }
  }

  private problem(
    when: ReadonlyArray<Condition>,
    writes: ReadonlyArray<Write>,
  ): CoordinationError | undefined {
    if (writes.length > writesMost || when.length > writesMost) {
      return new CoordinationError({
        reason: "too large",
        message: `a transaction of ${writes.length} writes and ${when.length} conditions; ${writesMost} are the most`,
      })
    }
    const keys = new Set<string>()
    for (const write of writes) {
      if (!("put" in write)) continue
      if (keys.has(write.put)) return refused(`${write.put} is written twice in one transaction`)
      keys.add(write.put)
      const bytes = Buffer.byteLength(write.value)
      if (bytes > valueBytesMost) {
        return new CoordinationError({
          reason: "too large",
          message: `${write.put}: a value of ${bytes} bytes; ${valueBytesMost} are the most`,
        })
      }
      if (write.lease !== undefined && this.leases.get(write.lease.id) === undefined)
        return refused(`${write.put}: its lease has ended`)
    }
    return undefined
  }

  commit(when: ReadonlyArray<Condition>, writes: ReadonlyArray<Write>): Committed | CoordinationError {
    const problem = this.problem(when, writes)
    if (problem !== undefined) return problem
    if (!when.every((condition) => this.holds(condition))) return { isDone: false, revision: this.revision }
    const revision = this.revision + 1
    const changes: Array<Change> = []
    for (const write of writes) {
      if ("put" in write) this.put(write.put, write.value, revision, write.lease?.id, changes)
      else if ("remove" in write) this.remove(write.remove, revision, changes)
      else for (const { key } of this.list(write.removePrefix)) this.remove(key, revision, changes)
    }
    if (changes.length > 0) {
      // What the disk refuses has not happened: the maps are only believed once the file has it.
      const trouble = this.file?.append(revision, this.kept(changes), () => this.keptEntries())
      if (trouble !== undefined) {
        this.rebuild()
        return trouble
      }
      this.publish(revision, changes)
    }
    return { isDone: true, revision: this.revision }
  }

  private put(
    key: string,
    value: string,
    revision: Revision,
    leaseId: string | undefined,
    changes: Array<Change>,
  ): void {
    const entry: Entry = {
      key,
      value,
      modified: revision,
      created: this.entries.get(key)?.created ?? revision,
    }
    this.entries.set(key, entry)
    this.leaseOf.get(key)?.keys.delete(key)
    this.leaseOf.delete(key)
    const lease = leaseId === undefined ? undefined : this.leases.get(leaseId)
    if (lease !== undefined) {
      lease.keys.add(key)
      this.leaseOf.set(key, lease)
    }
    changes.push({ kind: "put", entry })
  }

  private remove(key: string, revision: Revision, changes: Array<Change>): void {
    if (!this.entries.delete(key)) return
    this.leaseOf.get(key)?.keys.delete(key)
    this.leaseOf.delete(key)
    changes.push({ kind: "removed", key, revision })
  }

  /** Changes as the file keeps them: a key under a lease is not there for it. */
  private kept(changes: ReadonlyArray<Change>): ReadonlyArray<Change> {
    return changes.map((change) =>
      change.kind === "put" && this.leaseOf.has(change.entry.key)
        ? { kind: "removed", key: change.entry.key, revision: change.entry.modified }
        : change,
    )
  }

  private keptEntries(): ReadonlyArray<Entry> {
    return [...this.entries.values()].filter(({ key }) => !this.leaseOf.has(key))
  }

  /** Back to what the file has; keys under leases are gone, and so are the leases. */
  private rebuild(): void {
    const { file } = this
    if (file === undefined) return
    for (const lease of [...this.leases.values()]) this.forget(lease)
    this.entries.clear()
    this.leaseOf.clear()
    for (const entry of file.entries) this.entries.set(entry.key, entry)
    this.compacted = this.revision
    this.history = []
    const gone = refused("the store had to be read again from its file")
    for (const watch of this.watches) Queue.failCauseUnsafe(watch.queue, Cause.fail(gone))
    this.watches.clear()
  }

  private publish(revision: Revision, changes: ReadonlyArray<Change>): void {
    this.revision = revision
    this.history.push({ revision, changes })
    if (this.history.length > historyMost) {
      const dropped = this.history.splice(0, historyMost / 2)
      this.compacted = dropped.at(-1)!.revision
    }
    for (const watch of this.watches) {
      const seen = changes.filter((change) => keyOf(change).startsWith(watch.prefix))
      if (seen.length > 0 && !Queue.offerUnsafe(watch.queue, seen)) this.overflow(watch)
    }
  }

  private overflow(watch: {
    readonly prefix: string
    readonly queue: Queue.Queue<ReadonlyArray<Change>, CoordinationError | Cause.Done>
  }): void {
    this.watches.delete(watch)
    Queue.failCauseUnsafe(watch.queue, Cause.fail(refused("the watch fell too far behind")))
  }

  readonly grant = (ttlMs: number): Effect.Effect<Lease, never, Scope.Scope> =>
    Effect.gen({ self: this }, function* () {
      const ended = yield* Deferred.make<void>()
      const clock = yield* Clock.Clock
      const nowMs = () => Number(clock.currentTimeNanosUnsafe()) / 1e6
      const lease: MemoryLease = {
        id: String(this.nextLease++),
        ttlMs,
        keys: new Set(),
        isLost: false,
        // Nothing but this process can end it: it is held for as long as it is open.
        heldUntilMs: () => (lease.isLost ? Number.NEGATIVE_INFINITY : nowMs() + ttlMs),
        lost: Deferred.await(ended),
      }
      yield* Effect.acquireRelease(
        Effect.sync(() => void this.leases.set(lease.id, lease)),
        () =>
          Effect.suspend(() => {
            this.end(lease)
            return Deferred.succeed(ended, undefined)
          }),
      )
      this.endings.set(lease.id, () => Deferred.doneUnsafe(ended, Effect.void))
      return lease
    })

  private readonly endings = new Map<string, () => void>()

  /** For tests: ends a lease as if its owner had been silent for too long. */
  expire(id: string): void {
    const lease = this.leases.get(id)
    if (lease !== undefined) this.end(lease)
  }

  private forget(lease: MemoryLease): void {
    lease.isLost = true
    this.leases.delete(lease.id)
    this.endings.get(lease.id)?.()
    this.endings.delete(lease.id)
  }

  private end(lease: MemoryLease): void {
    if (lease.isLost) return
    const keys = [...lease.keys]
    this.forget(lease)
    const revision = this.revision + 1
    const changes: Array<Change> = []
    for (const key of keys) this.remove(key, revision, changes)
    if (changes.length > 0) this.publish(revision, changes)
  }

  readonly watch = (
    prefix: string,
    after: Revision,
  ): Stream.Stream<ReadonlyArray<Change>, CoordinationError> =>
    Stream.unwrap(
      Effect.gen({ self: this }, function* () {
        if (after < this.compacted)
          return Stream.fail(refused(`changes behind revision ${after} are no longer known`))
        const queue = yield* Queue.bounded<ReadonlyArray<Change>, CoordinationError | Cause.Done>(watchMost)
        for (const { changes, revision } of this.history) {
          if (revision <= after) continue
          const seen = changes.filter((change) => keyOf(change).startsWith(prefix))
          if (seen.length > 0) Queue.offerUnsafe(queue, seen)
        }
        const watch = { prefix, queue }
        yield* Effect.acquireRelease(
          Effect.sync(() => void this.watches.add(watch)),
          () => Effect.sync(() => void this.watches.delete(watch)),
        )
        return Stream.fromQueue(queue)
      }),
    )
}

const keyOf = (change: Change): string => (change.kind === "put" ? change.entry.key : change.key)

/** `store` as the service. */
export const serviceOf = (store: MemoryStore): Coordination["Service"] => ({
  get: (key) => Effect.sync(() => store.get(key)),
  list: (prefix) => Effect.sync(() => ({ entries: store.list(prefix), revision: store.revision })),
  commit: ({ when = [], writes }) =>
    Effect.suspend(() => {
      const committed = store.commit(when, writes)
      return committed instanceof CoordinationError ? Effect.fail(committed) : Effect.succeed(committed)
    }),
  lease: store.grant,
  watch: store.watch,
  where: "this process",
})

/** In this process; `file`: where it is kept. Two processes cannot have the same file. */
export const coordinationInProcess = (
  options: { readonly file?: string } = {},
): Layer.Layer<Coordination, CoordinationError> =>
  Layer.effect(
    Coordination,
    Effect.gen(function* () {
      const file = options.file === undefined ? undefined : yield* CoordinationFile.open(options.file)
      return serviceOf(new MemoryStore(file))
    }),
  )
