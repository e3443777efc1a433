// Who has which agent, all over the region: a live copy of `session/` in the store.

import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import type { Coordination, CoordinationError, Entry } from "../../runtime/coordination/Coordination.ts"
import { makeMirror } from "../../runtime/coordination/Mirror.ts"
import { claimingServer, claimPrefix } from "./claim.ts"

export interface ClaimChange {
  readonly agent: string
  /** Empty: nobody has it. */
  readonly server: string
}

export class Claims extends Context.Service<
  Claims,
  {
    readonly entryOf: (agent: string) => Entry | undefined
    /** Server that has the agent; empty: none. */
    readonly serverOf: (agent: string) => string
    /** How many agents a server has. */
    readonly countOf: (server: string) => number
    readonly changes: Stream.Stream<ReadonlyArray<ClaimChange>>
  }
>()("sonde/controller/Claims") {
  /** `prefix` of all keys: `/sonde/REGION/`. */
  static readonly layer = (prefix: string): Layer.Layer<Claims, CoordinationError, Coordination> =>
    Layer.effect(
      Claims,
      Effect.gen(function* () {
        const start = prefix + claimPrefix
        const mirror = yield* makeMirror(start)
        const entryOf = (agent: string) => mirror.get(start + agent)
        return {
          entryOf,
          serverOf: (agent) => {
            const entry = entryOf(agent)
            return entry === undefined ? "" : claimingServer(entry.value)
          },
          countOf: (server) => {
            let count = 0
            for (const { value } of mirror.entries().values()) if (claimingServer(value) === server) count++
            return count
          },
          changes: Stream.map(mirror.changes, (changes) =>
            changes.map((change) =>
              change.kind === "put"
                ? {
                    agent: change.entry.key.slice(start.length),
                    server: claimingServer(change.entry.value),
                  }
                : { agent: change.key.slice(start.length), server: "" },
            ),
          ),
        }
      }),
    )
}
