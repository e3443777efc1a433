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
  type Write,
} from "./Coordination.ts"
import { CoordinationFile } from "./CoordinationFile.ts"
import { transactionProblem } from "./transaction.ts"

/** Changes kept for watches that begin in the past; those that begin earlier must list again. */
const historyMost = 10_000
/** Characters of the values among them. */
const historyCharsMost = 32_000_000
/** Batches of changes that may wait at one watch; beyond it ends, and its owner lists again. */
const watchMost = 10_000

interface MemoryLease extends Lease {
  readonly keys: Set<string>
  readonly ended: () => void
  isLost: boolean
}

/** Between the last revision in the file and the first of the next life. */
const revisionsSkipped = 1_000_000
const nanosPerMs = 1e6

const refused = (message: string) => new CoordinationError({ reason: "refused", message })

export class MemoryStore {
  revision: Revision = 1
  private readonly entries = new Map<string, Entry>()
  private readonly leases = new Map<string, MemoryLease>()
  private readonly leaseOf = new Map<string, MemoryLease>()
  private history: Array<{ readonly revision: Revision; readonly changes: ReadonlyArray<Change> }> = []
  private historyChars = 0
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
    // Revisions of keys under leases are not in the file: none may be given out twice.
    if (file.revision > 1) this.revision = this.compacted = file.revision + revisionsSkipped
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

  commit(when: ReadonlyArray<Condition>, writes: ReadonlyArray<Write>): Committed | CoordinationError {
    const problem = transactionProblem(when, writes) ?? this.leaseProblem(writes)
    if (problem !== undefined) return problem
    if (!when.every((condition) => this.holds(condition))) return { isDone: false, revision: this.revision }
    const revision = this.revision + 1
    const changes = this.changesOf(writes, revision)
    if (changes.length === 0) return { isDone: true, revision: this.revision }
    const leased = new Map<string, MemoryLease>()
    for (const write of writes) {
      const lease = "put" in write && write.lease !== undefined ? this.leases.get(write.lease.id) : undefined
      if ("put" in write && lease !== undefined) leased.set(write.put, lease)
    }
    // What the disk refuses has not happened: the maps follow the file.
    const trouble = this.file?.append(revision, keptOf(changes, leased))
    if (trouble !== undefined) return trouble
    this.apply(changes, leased)
    this.publish(revision, changes)
    return { isDone: true, revision }
  }

  private leaseProblem(writes: ReadonlyArray<Write>): CoordinationError | undefined {
    for (const write of writes) {
      if ("put" in write && write.lease !== undefined && !this.leases.has(write.lease.id))
        return refused(`${write.put}: its lease has ended`)
    }
    return undefined
  }

  private changesOf(writes: ReadonlyArray<Write>, revision: Revision): ReadonlyArray<Change> {
    const changes: Array<Change> = []
    const removed = new Set<string>()
    const remove = (key: string): void => {
      if (removed.has(key) || !this.entries.has(key)) return
      removed.add(key)
      changes.push({ kind: "removed", key, revision })
    }
    for (const write of writes) {
      if ("put" in write) {
        const created = this.entries.get(write.put)?.created ?? revision
        changes.push({
          kind: "put",
          entry: { key: write.put, value: write.value, modified: revision, created },
        })
      } else if ("remove" in write) remove(write.remove)
      else for (const { key } of this.list(write.removePrefix)) remove(key)
    }
    return changes
  }

  private apply(changes: ReadonlyArray<Change>, leased: ReadonlyMap<string, MemoryLease>): void {
    for (const change of changes) {
      const key = keyOf(change)
      this.leaseOf.get(key)?.keys.delete(key)
      this.leaseOf.delete(key)
      if (change.kind === "removed") this.entries.delete(key)
      else this.entries.set(key, change.entry)
      const lease = leased.get(key)
      if (lease === undefined) continue
      lease.keys.add(key)
      this.leaseOf.set(key, lease)
    }
  }

  private publish(revision: Revision, changes: ReadonlyArray<Change>): void {
    this.revision = revision
    this.history.push({ revision, changes })
    this.historyChars += charsOf(changes)
    if (this.history.length > historyMost || this.historyChars > historyCharsMost) this.compactSome()
    for (const watch of this.watches) {
      const seen = changes.filter((change) => keyOf(change).startsWith(watch.prefix))
      if (seen.length > 0 && !Queue.offerUnsafe(watch.queue, seen)) this.overflow(watch)
    }
  }

  /** Forgets the changes up to `revision`: watches that begin before it must list again. */
  compact(revision: Revision): void {
    let dropped = 0
    for (const { changes, revision: at } of this.history) {
      if (at > revision) break
      dropped++
      this.historyChars -= charsOf(changes)
      this.compacted = at
    }
    this.history.splice(0, dropped)
  }

  /** The older half, and more while what is left is too much. */
  private compactSome(): void {
    let kept = this.history.length
    for (let chars = this.historyChars; kept > historyMost / 2 || chars > historyCharsMost / 2; kept--) {
      if (kept === 0) break
      chars -= charsOf(this.history[this.history.length - kept].changes)
    }
    this.compact(this.history[this.history.length - kept - 1]?.revision ?? 0)
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
      const lease: MemoryLease = {
        id: String(this.nextLease++),
        ttlMs,
        keys: new Set(),
        isLost: false,
        ended: () => Deferred.doneUnsafe(ended, Effect.void),
        // Nothing but this process can end it: it is held for as long as it is open.
        heldUntilMs: () =>
          lease.isLost
            ? Number.NEGATIVE_INFINITY
            : Number(clock.monotonicTimeNanosUnsafe()) / nanosPerMs + ttlMs,
        lost: Deferred.await(ended),
      }
      return yield* Effect.acquireRelease(
        Effect.sync(() => {
          this.leases.set(lease.id, lease)
          return lease
        }),
        () => Effect.sync(() => this.end(lease)),
      )
    })

  /** For tests: ends a lease as if its owner had been silent for too long. */
  expire(id: string): void {
    const lease = this.leases.get(id)
    if (lease !== undefined) this.end(lease)
  }

  private end(lease: MemoryLease): void {
    if (lease.isLost) return
    lease.isLost = true
    this.leases.delete(lease.id)
    const revision = this.revision + 1
    const changes = [...lease.keys].map((key): Change => ({ kind: "removed", key, revision }))
    this.apply(changes, new Map())
    if (changes.length > 0) this.publish(revision, changes)
    lease.ended()
  }

  readonly watch = (
    prefix: string,
    after: Revision,
  ): Stream.Stream<ReadonlyArray<Change>, CoordinationError> =>
    Stream.unwrap(
      Effect.gen({ self: this }, function* () {
        if (after < this.compacted) {
          return Stream.fail(
            refused(
              `changes behind revision ${after} are no longer known, only those behind ${this.compacted}`,
            ),
          )
        }
        const queue = yield* Queue.bounded<ReadonlyArray<Change>, CoordinationError | Cause.Done>(watchMost)
        const watch = { prefix, queue }
        // One step, or a change between what was and what comes would be missed.
        yield* Effect.acquireRelease(
          Effect.sync(() => {
            for (const { changes, revision } of this.history) {
              if (revision <= after) continue
              const seen = changes.filter((change) => keyOf(change).startsWith(prefix))
              if (seen.length > 0) Queue.offerUnsafe(queue, seen)
            }
            this.watches.add(watch)
          }),
          () => Effect.sync(() => void this.watches.delete(watch)),
        )
        return Stream.fromQueue(queue)
      }),
    )
}

const keyOf = (change: Change): string => (change.kind === "put" ? change.entry.key : change.key)

const charsOf = (changes: ReadonlyArray<Change>): number => {
  let chars = 0
  for (const change of changes) if (change.kind === "put") chars += change.entry.value.length
  return chars
}

/** Changes as the file keeps them: a key under a lease is not there for it. */
const keptOf = (
  changes: ReadonlyArray<Change>,
  leased: ReadonlyMap<string, MemoryLease>,
): ReadonlyArray<Change> =>
  changes.map((change) =>
    change.kind === "put" && leased.has(change.entry.key)
      ? { kind: "removed", key: change.entry.key, revision: change.entry.modified }
      : change,
  )

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
