// Keeps the agent attached to the server it belongs to, for as long as it lives: tries the servers it knows in turn, follows where
// it is sent, and never gives up. The agent works on without any server, with what it was told last.

import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import type * as Scope from "effect/Scope"
import { monotonicMs } from "../../runtime/monotonicMs.ts"
import { type Address, parseAddress } from "../../wire/socket.ts"
import { type ControlCalls, type ControlWork, runControlSession, SessionOver } from "./ControlSession.ts"
import type { ServerList } from "./ServerList.ts"

export interface ControlConnection {
  readonly client: ControlCalls
  /** Completes when the connection is gone. */
  readonly closed: Effect.Effect<{ readonly message: string }>
}

export interface ControlOptions {
  readonly servers: ServerList
  readonly connect: (
    address: Address,
  ) => Effect.Effect<ControlConnection, { readonly message: string }, Scope.Scope>
  readonly work: ControlWork
  /** The certificate was revoked: gets another one, or says why there is none. */
  readonly enrolAgain: Effect.Effect<void, { readonly message: string }>
  /** A session or a try is over; `isAnswer`: the server was there and said no. */
  readonly ended?: (nowMs: number, isAnswer: boolean) => void
}

const firstWaitMs = 200
const longestWaitMs = 3_000
const logEveryMs = 60_000

/** Runs until it is interrupted. */
export const stayAttached = (options: ControlOptions): Effect.Effect<never> =>
  Effect.gen(function* () {
    const { servers, work } = options
    let attempt = 0
    let lastMessage = ""
    let loggedMs = Number.NEGATIVE_INFINITY

    const one = (address: string): Effect.Effect<SessionOver | { readonly message: string }> =>
      Effect.gen(function* () {
        const where = parseAddress(address)
        if (where === undefined)
          return { message: `agent.controllers: expected host:port, found "${address}"` }
        const connection = yield* options.connect(where)
        servers.reached(address)
        const unreachable = servers.unreachable(yield* monotonicMs)
        return yield* runControlSession(connection.client, connection.closed, work, unreachable)
      }).pipe(
        Effect.scoped,
        Effect.catch((over) => Effect.succeed(over)),
      )

    while (true) {
      let waitMs = 0
      for (const address of servers.candidates(yield* monotonicMs)) {
        const startedMs = yield* monotonicMs
        const over = yield* one(address)
        const nowMs = yield* monotonicMs
        options.ended?.(nowMs, over instanceof SessionOver && over.isAnswer === true)
        if (nowMs - startedMs > 10_000) attempt = 0
        if (over instanceof SessionOver && over.server !== undefined) {
          servers.moved(over.server)
          yield* Effect.logInfo(`this agent belongs to server ${over.server.id} (${over.message})`)
          // Sent from one to another without end, and none takes it: they do not agree yet. One that had it may give it away.
          if (over.wasAssigned === true) attempt = 0
          waitMs = attempt++ < 3 ? -1 : 0
          break
        }
        servers.failed(address, nowMs)
        waitMs = Math.max(waitMs, over instanceof SessionOver ? over.waitMs : 0)
        if (over.message !== lastMessage || nowMs - loggedMs >= logEveryMs) {
          lastMessage = over.message
          loggedMs = nowMs
          yield* Effect.logWarning(`control server ${address}: ${over.message}; trying on`)
        }
        if (over instanceof SessionOver && over.isRevoked === true) {
          const again = yield* Effect.result(options.enrolAgain)
          if (again._tag === "Success") {
            yield* Effect.logInfo("this agent was revoked, and has enrolled again with its token")
            // Refused again and again all the same: not without a pause.
            waitMs = attempt++ < 3 ? -1 : over.waitMs
            break
          }
          yield* Effect.logWarning(`this agent cannot enrol again by itself: ${again.failure.message}`)
          break
        }
      }
      if (waitMs < 0) continue
      const backOffMs = Math.min(firstWaitMs * 2 ** Math.min(attempt++, 16), longestWaitMs)
      // Jittered, so that the agents of a server that died do not come all at once.
      yield* Effect.sleep(Math.max(waitMs, backOffMs) * (0.5 + (yield* Random.next)))
    }
  })
