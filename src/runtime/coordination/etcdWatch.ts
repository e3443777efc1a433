// A watch at etcd that lasts over lost connections and members: it goes on behind the last revision it has seen. A member that is
// silent is left: TCP alone would not notice for minutes that it is gone.

import type * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import { type Change, CoordinationError, type Revision } from "./Coordination.ts"
import type { EtcdClient } from "./EtcdClient.ts"
import { entryOf, type KeyValue, rangeOf } from "./etcdEntries.ts"
import { type EtcdFailure, failureOf } from "./etcdFailure.ts"

interface WatchResponse {
  readonly created: boolean
  readonly canceled: boolean
  readonly compact_revision: string
  readonly cancel_reason: string
  readonly events: ReadonlyArray<{ readonly type: string; readonly kv: KeyValue }>
}

/** Batches that may wait here; then etcd waits. */
const batchesMost = 64
const askProgressMs = 1_000
const silentMs = 4_000
const firstRetryMs = 100
const longestRetryMs = 2_000

export const watchPrefix = (
  client: EtcdClient,
  prefix: string,
  after: Revision,
): Stream.Stream<ReadonlyArray<Change>, CoordinationError> =>
  Stream.callback<ReadonlyArray<Change>, CoordinationError>(
    (queue) =>
      Effect.gen(function* () {
        const position = { next: after + 1 }
        let retryMs = firstRetryMs
        while (true) {
          const before = position.next
          const member = client.member
          const outcome = yield* Effect.result(Effect.scoped(follow(client, member, prefix, position, queue)))
          if (Result.isSuccess(outcome)) continue
          const failure = outcome.failure
          if (failure.isCompacted || (failure.reason !== "unavailable" && !failure.isTokenOld)) {
            return yield* new CoordinationError({
              reason: failure.reason,
              message: `${client.where}: the watch of ${prefix} ended: ${failure.details}`,
              cause: failure.cause,
            })
          }
          client.leave(member)
          client.counters.watches_resumed++
          retryMs = position.next > before ? firstRetryMs : Math.min(retryMs * 2, longestRetryMs)
          yield* Effect.sleep(retryMs)
        }
      }),
    { bufferSize: batchesMost, strategy: "suspend" },
  )

const follow = Effect.fnUntraced(function* (
  client: EtcdClient,
  member: number,
  prefix: string,
  position: { next: Revision },
  queue: Queue.Queue<ReadonlyArray<Change>, CoordinationError | Cause.Done>,
) {
  // Whether the member answers at all, and a new token if ours has expired: a stream cannot be asked again.
  yield* client.callMember(
    member,
    "KV",
    "range",
    { ...rangeOf(prefix), count_only: true, limit: 1 },
    client.callMs,
  )
  const stream = yield* client.stream(member, "Watch", "watch")
  stream.write({ create_request: { ...rangeOf(prefix), start_revision: position.next } })
  yield* Effect.forkScoped(
    Effect.forever(
      Effect.andThen(
        Effect.sleep(askProgressMs),
        Effect.sync(() => stream.write({ progress_request: {} })),
      ),
    ),
  )
  while (true) {
    const answer = yield* Effect.timeoutOption(
      Effect.tryPromise({ try: stream.next, catch: failureOf }),
      silentMs,
    )
    if (Option.isNone(answer)) return yield* Effect.fail(failureOf(`silent for ${silentMs} ms`))
    if (answer.value === undefined) return yield* Effect.fail(failureOf("the member ended the watch"))
    const response = answer.value as WatchResponse
    if (response.canceled) return yield* Effect.fail(cancelOf(response))
    if (response.events.length === 0) continue
    const changes = response.events.map(({ kv, type }): Change => {
      position.next = Math.max(position.next, Number(kv.mod_revision) + 1)
      return type === "Delete" || type === "DELETE"
        ? { kind: "removed", key: kv.key.toString(), revision: Number(kv.mod_revision) }
        : { kind: "put", entry: entryOf(kv) }
    })
    yield* Queue.offer(queue, changes)
  }
})

/** A cancelled watch has no status, only a text, or none. */
const cancelOf = ({ cancel_reason, compact_revision }: WatchResponse): EtcdFailure => {
  if (Number(compact_revision) > 0) {
    const details = `changes before revision ${compact_revision} are no longer known (compaction)`
    return { ...failureOf(details), reason: "refused", details, isCompacted: true }
  }
  const failure = failureOf(cancel_reason === "" ? "cancelled by the member" : cancel_reason)
  return /permission denied/.test(cancel_reason) ? { ...failure, reason: "refused" } : failure
}
