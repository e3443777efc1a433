// A server for tests to kill: a member that, while it leads, numbers entries of one history by fenced writes and tells of each.
// Arguments: etcd's endpoints with commas between, the prefix, the server's id.
// Prints lines `KIND FENCE MONOTONIC_MS`: `began` and `ended` around its work as leader, `acted` behind a write, `refused`.

import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { Coordination } from "../../runtime/coordination/Coordination.ts"
import { coordinationEtcd } from "../../runtime/coordination/etcd.ts"
import { serverRecord } from "../controller.testing.ts"
import { fencedCommit, whileLeading } from "./leading.ts"
import { Membership } from "./Membership.ts"

const [, , endpoints = "", prefix = "", id = ""] = process.argv
const actEveryMs = 20
const historyKey = `${prefix}history`

const tell = (kind: string, fence: number) =>
  Effect.map(Clock.monotonicTimeNanos, (nanos) => {
    process.stdout.write(`${kind} ${fence} ${Number(nanos) / 1e6}\n`)
  })

const store = coordinationEtcd({ endpoints: endpoints.split(","), callMs: 500, patienceMs: 1_000 })

await Effect.runPromise(
  Effect.gen(function* () {
    const context = yield* Layer.build(
      Membership.layer({ prefix, self: serverRecord(id), leaseMs: 2_000, isCandidate: true }).pipe(
        Layer.provideMerge(store),
      ),
    )
    const membership = Context.get(context, Membership)
    const coordination = Context.get(context, Coordination)
    const commit = fencedCommit(membership, prefix)

    const act = Effect.gen(function* () {
      const { fence } = membership.leadership()
      const last = yield* coordination.get(historyKey)
      const number = Number(last?.value.split(" ")[0] ?? 0) + 1
      const isDone = yield* commit({
        when: [
          last === undefined
            ? { key: historyKey, is: "absent" }
            : { key: historyKey, is: "modified", at: last.modified },
        ],
        writes: [{ put: historyKey, value: `${number} ${id} ${fence}` }],
      })
      if (isDone) yield* tell("acted", fence)
    }).pipe(
      Effect.provideService(Coordination, coordination),
      Effect.catchTag("NotLeader", () => tell("refused", 0)),
      Effect.catchTag("CoordinationError", () => Effect.void),
    )

    const work = Effect.gen(function* () {
      const { fence } = membership.leadership()
      yield* Effect.acquireRelease(tell("began", fence), () => tell("ended", fence))
      yield* Effect.forever(Effect.andThen(act, Effect.sleep(actEveryMs)))
    })
    yield* whileLeading(membership, "test", Effect.scoped(work))
  }).pipe(Effect.scoped),
)
