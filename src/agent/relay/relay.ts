// The relay of the agent: programs of this host that trace themselves send their spans to it, and it sends them on with the agent's own
// rows. Owns its life; a port that others have taken is asked for again, and nothing else of the agent waits for it.

import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { SondeConfig } from "../../runtime/configSchema.ts"
import { exposeStats } from "../../runtime/metrics.ts"
import { supervise } from "../../runtime/supervise.ts"
import { ColumnEncoder } from "../../wire/ColumnEncoder.ts"
import type { Sender } from "../send/Sender.ts"
import { RelayServer } from "./RelayServer.ts"
import { SpanIntake } from "./SpanIntake.ts"

class PortTaken extends Data.TaggedError("PortTaken")<{ readonly message: string }> {}

const bytesPerMiB = 1_048_576
const againAfter = "5 seconds"

const isLoopback = (host: string): boolean =>
  host === "localhost" || host === "::1" || host.startsWith("127.")

type RelaySettings = Pick<SondeConfig["agent"], "flushMs" | "relay">

/** Takes spans as long as the scope is open. */
export const relaySpans = (
  { flushMs, relay }: RelaySettings,
  sender: Pick<Sender["Service"], "push" | "isNearlyFull">,
): Effect.Effect<void, never, Scope.Scope> =>
  Effect.gen(function* () {
    if (!relay.enabled) return
    const encoder = new ColumnEncoder()
    const intake = new SpanIntake((batch) => {
      for (const encoded of encoder.encode(batch)) sender.push(encoded)
    }, sender.isNearlyFull)
    let server: RelayServer | undefined
    yield* exposeStats("agent", () => ({
      ...intake.stats(),
      relay_oversized_rows_total: encoder.oversizedRows,
      relay_listening: server === undefined ? 0 : 1,
      ...server?.stats(),
    }))
    yield* Effect.addFinalizer(() => Effect.sync(() => intake.flush()))

    const listen = Effect.gen(function* () {
      const { bodyMiB, host, port, token } = relay
      const next = new RelayServer(intake, { host, port, bodyBytes: bodyMiB * bytesPerMiB, token })
      yield* Effect.acquireRelease(
        Effect.tryPromise({
          try: () => next.listen(),
          catch: (cause) =>
            new PortTaken({
              message: `spans of programs are not taken: ${host}:${port}: ${cause instanceof Error ? cause.message : String(cause)}`,
            }),
        }),
        () =>
          Effect.promise(() => {
            server = undefined
            return next.close()
          }),
      )
      server = next
      return yield* Effect.never
    }).pipe(Effect.scoped)

    /** Says once why it cannot. */
    const stay = Effect.gen(function* () {
      let told = ""
      while (true) {
        const { message } = yield* Effect.flip(listen)
        if (message !== told) yield* Effect.logWarning(`${message}; trying again (agent.relay.port)`)
        told = message
        yield* Effect.sleep(againAfter)
      }
    })

    const flush = Effect.gen(function* () {
      while (true) {
        yield* Effect.sleep(flushMs)
        intake.flush()
      }
    })
    if (!isLoopback(relay.host) && relay.token === "")
      yield* Effect.logWarning(
        `whoever reaches ${relay.host}:${relay.port} may send spans; set agent.relay.token, or leave agent.relay.host on loopback`,
      )
    yield* Effect.forkScoped(supervise("agent/relay")(Effect.raceFirst(stay, flush)))
  })
