// A process for tests to kill: writes keys to a store in a file without end, and prints each that was acknowledged.
// Arguments: the file.

import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { Coordination } from "./Coordination.ts"
import { coordinationInProcess } from "./memory.ts"

const pad = "x".repeat(2_000)

await Effect.runPromise(
  Effect.gen(function* () {
    const context = yield* Layer.build(coordinationInProcess({ file: process.argv[2]! }))
    const coordination = Context.get(context, Coordination)
    const lease = yield* coordination.lease(2_000)
    yield* coordination.commit({ writes: [{ put: "leased", value: "", lease }] })
    const { entries } = yield* coordination.list("k/")
    for (let at = entries.length; ; at++) {
      yield* coordination.commit({
        writes: [
          { put: `k/${String(at).padStart(6, "0")}`, value: String(at) },
          { put: "same", value: pad + at },
        ],
      })
      process.stdout.write(`${at}\n`)
    }
  }).pipe(Effect.scoped),
)
