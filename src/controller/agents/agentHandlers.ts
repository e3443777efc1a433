// The agent's calls, for one connection: which agent speaks is known once it has attached.

import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { Peer } from "../../runtime/rpc/Peer.ts"
import { AgentRefused, AgentRpc } from "../../wire/control/AgentRpc.ts"
import { identityRefusal } from "../enrol/mayAttach.ts"
import type { PackageError } from "../package/Packages.ts"
import type { AgentSessions } from "./AgentSessions.ts"

export interface AgentHandlersOptions {
  readonly sessions: AgentSessions["Service"]
  readonly enrol: (
    request: {
      readonly token: string
      readonly csr: string
      readonly agent: string
      readonly host: string
      readonly machineId: string
      readonly guest?: { readonly region: string; readonly certificate: string }
    },
    peer: Peer,
  ) => Effect.Effect<
    {
      readonly state: "issued" | "waiting"
      readonly agent: string
      readonly certificate: string
      readonly authority: string
    },
    AgentRefused
  >
  readonly readPackage: (digest: string, offset: number) => Stream.Stream<Uint8Array, PackageError>
  /** A part of an agent's answer to what it was asked for. */
  readonly answered: (
    agent: string,
    answer: {
      readonly id: string
      readonly part: number
      readonly isLast: boolean
      readonly bytes: Uint8Array
    },
  ) => Effect.Effect<void>
}

const notAttached = new AgentRefused({
  reason: "not attached",
  message: "attach first: this connection has no agent",
  retryAfterMs: 100,
})

export const agentHandlers = (options: AgentHandlersOptions) => (peer: Peer) =>
  Effect.sync(() => {
    let agent = ""
    const attached = <A, E>(
      work: (agent: string) => Effect.Effect<A, E>,
    ): Effect.Effect<A, E | AgentRefused> =>
      Effect.suspend((): Effect.Effect<A, E | AgentRefused> =>
        agent === "" ? Effect.fail(notAttached) : work(agent),
      )
    return AgentRpc.of({
      Enrol: (request) => options.enrol(request, peer),
      Attach: (hello) =>
        Stream.suspend(() => {
          if (agent !== "" && agent !== hello.agent) {
            return Stream.fail(
              new AgentRefused({
                reason: "identity",
                message: `this connection is that of agent ${agent}`,
                retryAfterMs: 60_000,
              }),
            )
          }
          const refusal = identityRefusal(hello.agent, peer)
          if (refusal !== undefined) return Stream.fail(refusal)
          agent = hello.agent
          return options.sessions.attach(hello, peer)
        }),
      Report: (report) => attached((id) => options.sessions.report(id, report)),
      Time: () => Effect.map(Clock.currentTimeNanos, (ns) => Math.floor(Number(ns) / 1_000)),
      Fetch: ({ digest, offset }) =>
        Stream.suspend(() =>
          agent === ""
            ? Stream.fail(notAttached)
            : options.readPackage(digest, offset).pipe(
                Stream.mapError(
                  ({ message, reason }) =>
                    new AgentRefused({
                      reason: reason === "not found" ? "not found" : "unavailable",
                      message,
                      retryAfterMs: 10_000,
                    }),
                ),
              ),
        ),
      Answer: (answer) => attached((id) => options.answered(id, answer)),
    })
  })
