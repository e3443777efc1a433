// Who has an agent: `session/ID` in the store, under the lease of the server that has it, so that one server has an agent at a time
// and nobody has it when its server dies. Two lives of one agent id are told apart here.

import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import {
  Coordination,
  type CoordinationError,
  type Entry,
  type Lease,
  type Revision,
} from "../../runtime/coordination/Coordination.ts"
import { type AgentHello, AgentRefused } from "../../wire/control/AgentRpc.ts"
import type { RecordNews } from "./KnownAgents.ts"

const Claim = Schema.Struct({
  server: Schema.String,
  instance: Schema.String,
  machineId: Schema.String,
  host: Schema.String,
})
type Claim = typeof Claim.Type

const decodeClaim = Schema.decodeUnknownOption(Schema.fromJsonString(Claim))

export const claimPrefix = "session/"

/** The server that has an agent, as a claim's text says; empty when it cannot be read. */
export const claimingServer = (value: string): string =>
  Option.match(decodeClaim(value), { onNone: () => "", onSome: ({ server }) => server })

/** Attempts when several servers claim the same agent at once. */
const attemptsMost = 8

/**
 * Takes the agent for `server`. A claim of the same machine gives way: the agent was restarted, or moved here. One of another
 * machine stays: somebody copied the identity. Gives the revision of the claim, by which it is released, and whether the news of the
 * guess were written with it.
 */
export const claimAgent = (
  prefix: string,
  server: string,
  lease: Lease,
  hello: AgentHello,
  /** The claim as this server's copy shows it, and what else is to be written if that is right: saves asking. */
  guess?: { readonly found: Entry | undefined; readonly news: RecordNews | undefined },
): Effect.Effect<
  { readonly revision: Revision; readonly isNoted: boolean },
  AgentRefused | CoordinationError,
  Coordination
> =>
  Effect.gen(function* () {
    const coordination = yield* Coordination
    const key = `${prefix}${claimPrefix}${hello.agent}`
    const claim: Claim = {
      server,
      instance: hello.instance,
      machineId: hello.machineId,
      host: hello.host,
    }
    for (let attempt = 0; attempt < attemptsMost; attempt++) {
      const isGuess = attempt === 0 && guess !== undefined
      const found = isGuess ? guess.found : yield* coordination.get(key)
      const news = isGuess ? guess.news : undefined
      const holder = found === undefined ? Option.none() : decodeClaim(found.value)
      if (Option.isSome(holder) && isCopy(holder.value, claim)) {
        return yield* new AgentRefused({
          reason: "cloned",
          message:
            `${hello.host} says it is agent ${hello.agent}, which runs on ${holder.value.host}: its data directory was copied. ` +
            "Remove agent-id (and the certificate beside it) there and start it again, to get an identity of its own",
          retryAfterMs: 30_000,
        })
      }
      const { isDone, revision } = yield* coordination.commit({
        when: [
          found === undefined ? { key, is: "absent" } : { key, is: "modified", at: found.modified },
          ...(news === undefined ? [] : [news.when]),
        ],
        writes: [
          { put: key, value: JSON.stringify(claim), lease },
          ...(news === undefined ? [] : [news.write]),
        ],
      })
      if (isDone) {
        news?.done(revision)
        return { revision, isNoted: isGuess }
      }
    }
    return yield* new AgentRefused({
      reason: "unavailable",
      message: "several servers take this agent at the same time",
      retryAfterMs: 500,
    })
  })

/**
 * Takes an agent again whose claim ended with the lease it stood under, for the server that has its session still. Undefined:
 * another server has taken it meanwhile, and keeps it.
 */
export const claimAgain = (
  prefix: string,
  server: string,
  lease: Lease,
  hello: AgentHello,
): Effect.Effect<Revision | undefined, CoordinationError, Coordination> =>
  Effect.gen(function* () {
    const coordination = yield* Coordination
    const key = `${prefix}${claimPrefix}${hello.agent}`
    const { host, instance, machineId } = hello
    const claim: Claim = { server, instance, machineId, host }
    for (let attempt = 0; attempt < attemptsMost; attempt++) {
      const found = yield* coordination.get(key)
      if (found !== undefined && claimingServer(found.value) !== server) return undefined
      const { isDone, revision } = yield* coordination.commit({
        when: [found === undefined ? { key, is: "absent" } : { key, is: "modified", at: found.modified }],
        writes: [{ put: key, value: JSON.stringify(claim), lease }],
      })
      if (isDone) return revision
    }
    return undefined
  })

const isCopy = (holder: Claim, claim: Claim): boolean =>
  holder.instance !== claim.instance &&
  holder.machineId !== "" &&
  claim.machineId !== "" &&
  holder.machineId !== claim.machineId

/** Gives the agent up, if nobody has taken it since. */
export const releaseAgent = (
  prefix: string,
  agent: string,
  revision: number,
): Effect.Effect<void, CoordinationError, Coordination> =>
  Effect.gen(function* () {
    const coordination = yield* Coordination
    const key = `${prefix}${claimPrefix}${agent}`
    yield* coordination.commit({
      when: [{ key, is: "modified", at: revision }],
      writes: [{ remove: key }],
    })
  })
