// Moves batches that wait too long from memory to the spool, within the spool's limit: the oldest file makes room for a new one.

import * as Effect from "effect/Effect"
import type * as Semaphore from "effect/Semaphore"
import { monotonicMs } from "../../runtime/monotonicMs.ts"
import { frameOf } from "./outgoingFrame.ts"
import type { Outgoing, SendQueue } from "./SendQueue.ts"
import { Spool, type SpoolError } from "./Spool.ts"

export interface SpoolKeeperOptions {
  readonly agentId: string
  readonly spool: Spool
  /** Both may change at any time. */
  maxBytes: number
  memoryBytes: number
  /** How long a batch may wait in memory only. */
  readonly afterMs: number
  /** One round at a time. */
  readonly lock: Semaphore.Semaphore
}

/** The file goes with the batch. */
export const removeFile = (spool: Spool | undefined, entry: Outgoing | undefined): Effect.Effect<void> =>
  spool === undefined || entry?.file === undefined ? Effect.void : spool.remove(entry.file)

/** Takes up what earlier lives of the agent left; beyond the limit the oldest goes. */
export const recover = (queue: SendQueue, spool: Spool, maxBytes: number): Effect.Effect<void, SpoolError> =>
  Effect.gen(function* () {
    for (const { instance, seq, kind, rows, file, fileBytes } of yield* spool.list()) {
      queue.recover(instance, seq, kind, rows, file, fileBytes)
    }
    yield* makeRoom(queue, spool, maxBytes)
  })

/** False: what fills the spool is in flight and cannot be given up now. */
const makeRoom = (queue: SendQueue, spool: Spool, mostBytes: number): Effect.Effect<boolean> =>
  Effect.gen(function* () {
    while (queue.spoolBytes > mostBytes) {
      const oldest = queue.oldestSpooled()
      if (oldest === undefined) return false
      queue.drop(oldest, "spool_full")
      yield* removeFile(spool, oldest)
    }
    return true
  })

/** False: there is no room at present. */
const keep = (
  queue: SendQueue,
  entry: Outgoing,
  options: SpoolKeeperOptions,
): Effect.Effect<boolean, SpoolError> =>
  Effect.gen(function* () {
    const { spool } = options
    const frame = yield* frameOf(queue, entry, options.agentId, spool)
    if (frame === undefined || entry.isDone) return true
    if (frame.length > options.maxBytes) {
      entry.isSpoolable = false
      return true
    }
    if (!(yield* makeRoom(queue, spool, options.maxBytes - frame.length))) return false
    const file = Spool.fileName(entry)
    yield* spool.write(file, frame)
    if (!queue.spooled(entry, file, frame.length)) yield* spool.remove(file)
    return true
  }).pipe(Effect.ensuring(Effect.sync(() => queue.notSpooling(entry))))

/** Spools everything that is in memory since `beforeMs`. */
export const spoolOlderThan = (
  queue: SendQueue,
  beforeMs: number,
  options: SpoolKeeperOptions,
): Effect.Effect<void, SpoolError> =>
  Effect.gen(function* () {
    while (true) {
      const entry = queue.takeForSpool(beforeMs)
      if (entry === undefined || !(yield* Effect.uninterruptible(keep(queue, entry, options)))) return
    }
  }).pipe(options.lock.withPermit)

/** One round of the keeper, to be repeated a few times a second. */
export const keepWaiting = (queue: SendQueue, options: SpoolKeeperOptions): Effect.Effect<void, SpoolError> =>
  Effect.gen(function* () {
    const nowMs = yield* monotonicMs
    queue.markSeen(nowMs)
    const isTight = queue.memoryBytes > options.memoryBytes / 2
    yield* spoolOlderThan(queue, isTight ? nowMs : nowMs - options.afterMs, options)
  })
