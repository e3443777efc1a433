// One connection to one server's control port: attaches, does what the server says, reports, keeps the clock's offset. Ends when the
// connection does, or when the agent belongs elsewhere.

import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { RpcClient } from "effect/rpc/RpcClient"
import type { RpcClientError } from "effect/rpc/RpcClientError"
import type * as RpcGroup from "effect/rpc/RpcGroup"
import {
  type AgentHello,
  type AgentRefused,
  type AgentRpc,
  type Directive,
  type Elsewhere,
  type Report,
  reportSeconds,
  type ServerAddress,
} from "../../wire/control/AgentRpc.ts"
import { type ClockOffset, measureClockOffset } from "./clockOffset.ts"

export type ControlCalls = RpcClient<RpcGroup.Rpcs<typeof AgentRpc>, RpcClientError>

export type ConfigDirective = Extract<Directive, { readonly _tag: "Config" }>
export type PackageDirective = Extract<Directive, { readonly _tag: "Package" }>

/** The session is over; `server` set: the agent belongs there. */
export class SessionOver extends Data.TaggedError("SessionOver")<{
  readonly message: string
  readonly server?: ServerAddress
  /** The server had the agent before it sent it away. */
  readonly wasAssigned?: boolean
  /** Least wait before this or another server is asked again. */
  readonly waitMs: number
  /** The server refused for a reason that other servers have as well. */
  readonly isAnswer?: boolean
  /** The agent's certificate is taken no more. */
  readonly isRevoked?: boolean
}> {}

/** What the rest of the agent does for the control session. */
export interface ControlWork {
  readonly hello: () => Omit<AgentHello, "cannotReach">
  readonly assigned: (
    server: ServerAddress,
    servers: ReadonlyArray<ServerAddress>,
    elsewhere: Elsewhere | undefined,
  ) => Effect.Effect<void>
  /** The agent may not work, for the reason; undefined: it may. */
  readonly waiting: (reason: string | undefined) => Effect.Effect<void>
  /** `false`: it does not build upon what the agent has; the whole is asked for. */
  readonly configure: (directive: ConfigDirective) => Effect.Effect<boolean>
  readonly use: (
    offer: PackageDirective,
    fetch: (offset: number) => Stream.Stream<Uint8Array, AgentRefused | RpcClientError>,
  ) => Effect.Effect<void>
  /** Only packages of these names are wanted. */
  readonly useOnly: (names: ReadonlyArray<string>) => Effect.Effect<void>
  /** Bytes of a bundle for support. */
  readonly support: Effect.Effect<Uint8Array>
  readonly report: () => Omit<Report, "clockOffsetUs" | "clockErrorUs">
}

const partBytes = 256 * 1_024
/** Without a first directive for so long the server is given up. */
const attachMs = 5_000
const clockEveryMs = 60_000

const over = (message: string, waitMs = 0) => new SessionOver({ message, waitMs })

const refusal = (error: AgentRefused | RpcClientError): SessionOver =>
  error._tag === "AgentRefused"
    ? new SessionOver({
        message: `${error.reason}: ${error.message}`,
        waitMs: error.retryAfterMs === 0 ? 300_000 : error.retryAfterMs,
        isAnswer: error.reason !== "unavailable",
        isRevoked: error.reason === "revoked",
      })
    : over(error.message)

const answer = (client: ControlCalls, id: string, support: Effect.Effect<Uint8Array>) =>
  Effect.gen(function* () {
    const bytes = yield* support
    for (let from = 0, part = 0; part === 0 || from < bytes.length; from += partBytes, part++) {
      const to = Math.min(bytes.length, from + partBytes)
      yield* client.Answer({ id, part, isLast: to === bytes.length, bytes: bytes.slice(from, to) })
    }
  })

/** Lasts as long as the session; always fails. */
export const runControlSession = (
  client: ControlCalls,
  closed: Effect.Effect<{ readonly message: string }>,
  work: ControlWork,
  cannotReach: ReadonlyArray<string>,
): Effect.Effect<never, SessionOver, Scope.Scope> =>
  Effect.gen(function* () {
    let isAttached = false
    let isAssigned = false
    let offset: ClockOffset = { offsetUs: 0, errorUs: 0 }

    const obey = (
      directive: Directive,
    ): Effect.Effect<void, SessionOver | AgentRefused | RpcClientError, Scope.Scope> => {
      isAttached = true
      switch (directive._tag) {
        case "Assigned":
          isAssigned = true
          return Effect.andThen(
            work.assigned(directive.server, directive.servers, directive.elsewhere),
            work.waiting(undefined),
          )
        case "Move":
          return Effect.fail(
            new SessionOver({
              message: directive.reason,
              server: directive.server,
              wasAssigned: isAssigned,
              waitMs: 0,
            }),
          )
        case "Wait":
          return work.waiting(directive.reason)
        case "Config":
          return Effect.flatMap(work.configure(directive), (isTaken) =>
            isTaken ? Effect.void : Effect.fail(over("the configuration has to be told whole")),
          )
        case "Package":
          return Effect.asVoid(
            Effect.forkScoped(
              work.use(directive, (from) => client.Fetch({ digest: directive.digest, offset: from })),
            ),
          )
        case "Packages":
          return Effect.asVoid(Effect.forkScoped(work.useOnly(directive.names)))
        case "Ask":
          return Effect.asVoid(Effect.forkScoped(Effect.ignore(answer(client, directive.id, work.support))))
      }
    }

    const hear = client.Attach({ ...work.hello(), cannotReach }).pipe(
      Stream.runForEach(obey),
      Effect.catchTags({
        AgentRefused: (error) => Effect.fail(refusal(error)),
        RpcClientError: (error) => Effect.fail(refusal(error)),
      }),
      Effect.andThen(Effect.fail(over("the server ended the session"))),
    )

    const attach = Effect.gen(function* () {
      yield* Effect.sleep(attachMs)
      if (!isAttached) return yield* over("the server says nothing")
      return yield* Effect.never
    })

    const tell = Effect.gen(function* () {
      // A first word soon, so that pages show more than a name; then at the common pace.
      yield* Effect.sleep(1_000)
      while (true) {
        if (isAttached) {
          yield* client
            .Report({ ...work.report(), clockOffsetUs: offset.offsetUs, clockErrorUs: offset.errorUs })
            .pipe(Effect.mapError(refusal))
        }
        yield* Effect.sleep(reportSeconds * 1_000)
      }
    })

    const measure = Effect.gen(function* () {
      while (true) {
        offset = yield* measureClockOffset(client.Time()).pipe(Effect.mapError(refusal))
        yield* Effect.sleep(clockEveryMs)
      }
    })

    const ended = Effect.flatMap(closed, ({ message }) => Effect.fail(over(message)))
    return yield* Effect.raceAllFirst([hear, attach, tell, measure, ended])
  })
