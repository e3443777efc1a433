// Who this agent is to the servers: its certificate, kept in the data directory, got by a token at first and renewed ever after. Without
// a token of an authority, and without a certificate, it speaks plain, which servers take from their own machine only.

import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import type * as Scope from "effect/Scope"
import { hostname } from "node:os"
import { connectRpc } from "../../runtime/rpc/connectRpc.ts"
import { supervise } from "../../runtime/supervise.ts"
import { makeCsr } from "../../runtime/tls/csr.ts"
import {
  keepCredentials,
  keepRequest,
  readCredentials,
  readRequest,
  type TlsFileError,
} from "../../runtime/tls/files.ts"
import { type Credentials, LiveCredentials } from "../../runtime/tls/LiveCredentials.ts"
import { keepRenewed } from "../../runtime/tls/rotation.ts"
import { type ClientTls, clientTls, fetchAuthority, liveClientTls } from "../../runtime/tls/tlsOptions.ts"
import { AgentRpc } from "../../wire/control/AgentRpc.ts"
import { parseToken } from "../../wire/enrolToken.ts"
import { type Address, parseAddress } from "../../wire/socket.ts"
import { takeAgentId } from "../agentId.ts"
import { readMachine } from "../resource/machine.ts"

export interface AgentIdentity {
  readonly agentId: string
  /** Undefined: it speaks plain. */
  readonly tls: ClientTls | undefined
  /** As they are now; undefined: it speaks plain. */
  readonly credentials: (() => Credentials) | undefined
  /** Gets another certificate by the token, for an agent whose certificate is taken no more. */
  readonly enrolAgain: Effect.Effect<void, { readonly message: string }>
}

export interface IdentityOptions {
  readonly data: string
  /** The name the agent has, or would have. */
  readonly agentId: string
  readonly token: string
  readonly controllers: ReadonlyArray<string>
}

const timeoutMs = 10_000
const firstWaitMs = 500
const longestWaitMs = 10_000
const logEveryMs = 60_000

interface Enrolled {
  readonly agentId: string
  readonly credentials: Credentials
}

/** Asks one server for a certificate: by the token, or by the certificate that there is. */
const enrolAt = (address: Address, options: IdentityOptions, present: Credentials | undefined) =>
  Effect.gen(function* () {
    const parsed = parseToken(options.token)
    const authority =
      present?.authority ??
      (parsed === undefined
        ? yield* Effect.fail({ message: "agent.token: expected a token that begins with sonde1" })
        : yield* fetchAuthority(address, parsed.fingerprint, timeoutMs))
    const request = (yield* readRequest(options.data)) ?? makeCsr(options.agentId)
    yield* keepRequest(options.data, request)
    const { client } = yield* connectRpc(AgentRpc, {
      address,
      timeoutMs,
      tls: clientTls(present ?? { authority }),
    })
    const answer = yield* client.Enrol({
      token: present === undefined ? options.token : "",
      csr: request.csr,
      agent: options.agentId,
      host: hostname(),
      machineId: readMachine().machineId,
    })
    if (answer.state === "waiting") {
      return yield* Effect.fail({
        message: `waits for approval: sonde admin agents approve ${answer.agent}`,
      })
    }
    const credentials: Credentials = {
      key: request.key,
      certificate: answer.certificate,
      authority: answer.authority,
    }
    yield* keepCredentials(options.data, credentials)
    return { agentId: answer.agent, credentials } satisfies Enrolled
  }).pipe(Effect.scoped)

/** Tries the controllers in turn; fails with the last one's word. */
const enrolSomewhere = (
  options: IdentityOptions,
  present: Credentials | undefined,
): Effect.Effect<Enrolled, { readonly message: string }> =>
  Effect.gen(function* () {
    let last = "no controller is configured (agent.controllers)"
    for (const text of options.controllers) {
      const address = parseAddress(text)
      if (address === undefined) continue
      const outcome = yield* Effect.result(enrolAt(address, options, present))
      if (outcome._tag === "Success") return outcome.success
      last = `${text}: ${outcome.failure.message}`
    }
    return yield* Effect.fail({ message: last })
  })

/** Until it succeeds; says why not, once and then once a minute. */
const untilEnrolled = (options: IdentityOptions) =>
  Effect.gen(function* () {
    let waitMs = firstWaitMs
    let said = ""
    let sinceMs = 0
    while (true) {
      const outcome = yield* Effect.result(enrolSomewhere(options, undefined))
      if (outcome._tag === "Success") return outcome.success
      const { message } = outcome.failure
      if (message !== said || sinceMs >= logEveryMs) {
        said = message
        sinceMs = 0
        yield* Effect.logWarning(`this agent has no certificate yet (${message}); trying on`)
      }
      const restMs = waitMs * (0.5 + (yield* Random.next))
      yield* Effect.sleep(restMs)
      sinceMs += restMs
      waitMs = Math.min(waitMs * 2, longestWaitMs)
    }
  })

/** The agent's identity, once it has one; the certificate is renewed as long as the scope is open. */
export const agentIdentity = (
  options: IdentityOptions,
): Effect.Effect<AgentIdentity, TlsFileError, Scope.Scope> =>
  Effect.gen(function* () {
    const kept = yield* readCredentials(options.data)
    if (kept === undefined && parseToken(options.token) === undefined)
      return {
        agentId: options.agentId,
        tls: undefined,
        credentials: undefined,
        enrolAgain: Effect.fail({ message: "it has no token" }),
      }
    const enrolled: Enrolled =
      kept === undefined ? yield* untilEnrolled(options) : { agentId: options.agentId, credentials: kept }
    if (enrolled.agentId !== options.agentId) {
      yield* takeAgentId(options.data, enrolled.agentId)
      yield* Effect.logInfo(`this agent is ${enrolled.agentId} from now on, as the servers say`)
    }
    const live = new LiveCredentials(enrolled.credentials)
    const own = { ...options, agentId: enrolled.agentId }
    // An expired certificate is none: then the token has to do.
    const renew = Effect.suspend(() =>
      Effect.catch(enrolSomewhere(own, live.current), (failure) =>
        parseToken(own.token) === undefined ? Effect.fail(failure) : enrolSomewhere(own, undefined),
      ),
    )
    yield* Effect.forkScoped(
      supervise("agent/certificate")(
        keepRenewed(
          live,
          Effect.map(renew, ({ credentials }) => credentials),
        ),
      ),
    )
    const enrolAgain = Effect.gen(function* () {
      if (parseToken(own.token) === undefined)
        return yield* Effect.fail({ message: "set agent.token to a new token and start it again" })
      const again = yield* enrolSomewhere(own, undefined)
      if (again.agentId !== own.agentId) {
        yield* takeAgentId(own.data, again.agentId)
        return yield* Effect.fail({ message: `it is agent ${again.agentId} from its next start on` })
      }
      live.replace(again.credentials)
    })
    return {
      agentId: enrolled.agentId,
      tls: liveClientTls(live),
      credentials: () => live.current,
      enrolAgain,
    }
  })
