// Bundles that agents send when somebody asks for one: asked by an id, put together from parts, given to who asked.

import { randomUUID } from "node:crypto"
import * as Data from "effect/Data"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import type { AgentSessions } from "./AgentSessions.ts"

const bundleBytesMost = 16 * 1_024 * 1_024
const waitMs = 20_000

export class BundleMissing extends Data.TaggedError("BundleMissing")<{ readonly message: string }> {}

interface Expected {
  readonly agent: string
  readonly done: Deferred.Deferred<Uint8Array, BundleMissing>
  readonly parts: Array<Uint8Array>
  bytes: number
}

export interface AnswerPart {
  readonly id: string
  readonly part: number
  readonly isLast: boolean
  readonly bytes: Uint8Array
}

export class SupportBundles {
  readonly #sessions: AgentSessions["Service"]
  readonly #expected = new Map<string, Expected>()

  constructor(sessions: AgentSessions["Service"]) {
    this.#sessions = sessions
  }

  /** Asks an agent of this server and waits for the whole bundle. */
  ask(agent: string): Effect.Effect<Uint8Array, BundleMissing> {
    return Effect.gen({ self: this }, function* () {
      const id = randomUUID()
      const done = yield* Deferred.make<Uint8Array, BundleMissing>()
      this.#expected.set(id, { agent, done, parts: [], bytes: 0 })
      if (!this.#sessions.ask(agent, id))
        return yield* new BundleMissing({ message: `agent ${agent} is not attached to this server` })
      return yield* Effect.timeoutOrElse(Deferred.await(done), {
        duration: waitMs,
        orElse: () =>
          Effect.fail(
            new BundleMissing({ message: `agent ${agent} sent no bundle within ${waitMs / 1_000} s` }),
          ),
      }).pipe(Effect.ensuring(Effect.sync(() => this.#expected.delete(id))))
    })
  }

  /** Takes a part; what nobody asked for is left. */
  answered(agent: string, { bytes, id, isLast, part }: AnswerPart): Effect.Effect<void> {
    return Effect.suspend(() => {
      const expected = this.#expected.get(id)
      if (expected === undefined || expected.agent !== agent || part !== expected.parts.length)
        return Effect.void
      expected.parts.push(bytes)
      expected.bytes += bytes.length
      if (expected.bytes > bundleBytesMost) {
        this.#expected.delete(id)
        const message = `agent ${agent} sent more than ${bundleBytesMost / 1_048_576} MiB`
        return Effect.asVoid(Deferred.fail(expected.done, new BundleMissing({ message })))
      }
      return isLast
        ? Effect.asVoid(Deferred.succeed(expected.done, Buffer.concat(expected.parts)))
        : Effect.void
    })
  }
}
