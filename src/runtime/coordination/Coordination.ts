// What servers agree on: small texts under keys, written in transactions, watched, and bound to leases that end with their owner.
// One interface, two layers: etcd for a cluster, this process (with a file behind it) for one server. No policy here.

import * as Context from "effect/Context"
import * as Data from "effect/Data"
import type * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"

/**
 * `unavailable`: nobody answered in time, the same may succeed later; whether a write has happened is not known.
 * `full`: the store takes no more (etcd's quota). `too large`: a value or a transaction beyond the limits below.
 * `refused`: everything else that the store says no to.
 */
export class CoordinationError extends Data.TaggedError("CoordinationError")<{
  readonly reason: "unavailable" | "full" | "too large" | "refused"
  readonly message: string
  readonly cause?: unknown
}> {}

/** Bytes of one value, UTF-8. */
export const valueBytesMost = 1_000_000
/** Writes of one transaction, and likewise its conditions (etcd takes 128 operations unless configured otherwise). */
export const writesMost = 100
/** Bytes of all keys and values of one transaction (etcd takes requests of 1.5 MiB unless configured otherwise). */
export const transactionBytesMost = 1_400_000

/** Counts the transactions of the store; grows with every write. */
export type Revision = number

export interface Entry {
  readonly key: string
  readonly value: string
  /** Revision of the last write of this key. */
  readonly modified: Revision
  /** Revision in which the key came to be; it differs after a deletion. */
  readonly created: Revision
}

export type Condition =
  | { readonly key: string; readonly is: "absent" }
  /** Nobody wrote the key since. */
  | { readonly key: string; readonly is: "modified"; readonly at: Revision }
  /** The key is still the one that was created then: how a leader fences its writes. */
  | { readonly key: string; readonly is: "created"; readonly at: Revision }

export type Write =
  | { readonly put: string; readonly value: string; readonly lease?: Lease }
  | { readonly remove: string }
  | { readonly removePrefix: string }

export interface Committed {
  /** False: a condition did not hold and nothing was written. */
  readonly isDone: boolean
  readonly revision: Revision
}

export type Change =
  | { readonly kind: "put"; readonly entry: Entry }
  | { readonly kind: "removed"; readonly key: string; readonly revision: Revision }

/** Keys bound to a lease vanish when it ends. It is renewed until its scope closes, which ends it at once. */
export interface Lease {
  readonly id: string
  readonly ttlMs: number
  /**
   * Until when, on this process' monotonic clock in milliseconds, the lease is certainly held: counted from the moment before the
   * last renewal that succeeded was asked for. Behind it nothing may be done in the lease's name, whatever the store still thinks.
   */
  readonly heldUntilMs: () => number
  /** Completes when the lease has ended or its deadline passed. It never comes back: take another. */
  readonly lost: Effect.Effect<void>
}

export class Coordination extends Context.Service<
  Coordination,
  {
    readonly get: (key: string) => Effect.Effect<Entry | undefined, CoordinationError>
    /** All keys that begin with `prefix`, by key, as they were at `revision`. */
    readonly list: (
      prefix: string,
    ) => Effect.Effect<
      { readonly entries: ReadonlyArray<Entry>; readonly revision: Revision },
      CoordinationError
    >
    /**
     * All of `writes` or nothing, when all of `when` hold. No key may be put twice, or put and removed. After `unavailable` it may
     * have happened all the same: whoever cares reads again.
     */
    readonly commit: (transaction: {
      readonly when?: ReadonlyArray<Condition>
      readonly writes: ReadonlyArray<Write>
    }) => Effect.Effect<Committed, CoordinationError>
    readonly lease: (ttlMs: number) => Effect.Effect<Lease, CoordinationError, Scope.Scope>
    /**
     * Changes behind revision `after`, in order, each once. Lasts over lost connections. Fails with `refused` when the store no
     * longer has the changes (compaction): list again and watch from there. `Mirror` does all that.
     */
    readonly watch: (
      prefix: string,
      after: Revision,
    ) => Stream.Stream<ReadonlyArray<Change>, CoordinationError>
    /** For messages: "etcd at 10.0.0.1:2379" or "this process". */
    readonly where: string
  }
>()("sonde/runtime/Coordination") {}
