// How an agent comes by its certificate: with a token at first, with the certificate it has afterwards. One key an agent and one
// transaction a certificate, which counts the token's use as well; the same request again is answered by the same certificate.

import type { KeyObject } from "node:crypto"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Semaphore from "effect/Semaphore"
import {
  type Condition,
  Coordination,
  type CoordinationError,
  type Write,
} from "../../runtime/coordination/Coordination.ts"
import { exposeStats } from "../../runtime/metrics.ts"
import type { Peer } from "../../runtime/rpc/Peer.ts"
import { checkCertificate } from "../../runtime/tls/authority.ts"
import { type ReadCsr, readCsr } from "../../runtime/tls/csr.ts"
import { AgentRefused } from "../../wire/control/AgentRpc.ts"
import { KnownAgents } from "../agents/KnownAgents.ts"
import type { EnrolmentRecord } from "./EnrolmentRecord.ts"
import { agentIdFor, makeEnrolledAgents, trimEnrolled } from "./enrolledAgents.ts"
import { FailedAttempts } from "./FailedAttempts.ts"
import { certificateDays, RegionAuthority } from "./RegionAuthority.ts"
import { Revocations } from "./Revocations.ts"
import { type KnownToken, Tokens } from "./Tokens.ts"

export interface EnrolmentRequest {
  /** Empty for an agent that renews its certificate. */
  readonly token: string
  readonly csr: string
  /** The name that the agent has, or would have. */
  readonly agent: string
  readonly host: string
  /** Empty: not known. */
  readonly machineId: string
}

export interface EnrolmentAnswer {
  /** `waiting`: the agent is to ask again, with the same request, until somebody approved it. */
  readonly state: "issued" | "waiting"
  /** The name in the certificate, which the agent takes from now on. */
  readonly agent: string
  /** PEM; empty while it waits. */
  readonly certificate: string
  /** PEM. */
  readonly authority: string
}

export class Enrolment extends Context.Service<
  Enrolment,
  {
    readonly enrol: (request: EnrolmentRequest, peer: Peer) => Effect.Effect<EnrolmentAnswer, AgentRefused>
    /** The agent's certificate is not renewed any more; once it has ended, or is revoked, the agent needs a token to come again. */
    readonly forget: (agent: string) => Effect.Effect<void, CoordinationError>
    /** Removes what was not renewed for 30 days; the leader does it now and then. Gives how many went. */
    readonly trim: Effect.Effect<number, CoordinationError>
  }
>()("sonde/controller/Enrolment") {
  /** `prefix` of all keys: `/sonde/REGION/`. */
  static readonly layer = (
    prefix: string,
  ): Layer.Layer<Enrolment, never, Coordination | KnownAgents | RegionAuthority | Revocations | Tokens> =>
    Layer.effect(Enrolment, make(prefix))
}

/** Somebody else wrote in between. */
class Overtaken extends Data.TaggedError("Overtaken") {}

const attemptsMost = 16
const dayMs = 86_400_000

const refuse = (reason: AgentRefused["reason"], message: string, retryAfterMs = 60_000) =>
  new AgentRefused({ reason, message, retryAfterMs })

const make = Effect.fnUntraced(function* (prefix: string) {
  const authority = yield* RegionAuthority
  const coordination = yield* Coordination
  const known = yield* KnownAgents
  const revocations = yield* Revocations
  const tokens = yield* Tokens
  const enrolled = makeEnrolledAgents(prefix, coordination)
  const failures = new FailedAttempts()
  // Attempts of one server do not overtake each other: a thousand agents may come with one token at once.
  const one = yield* Semaphore.make(1)
  const counters = {
    issued_total: 0,
    renewed_total: 0,
    repeated_total: 0,
    waiting_total: 0,
    refused_total: 0,
  }
  yield* exposeStats("controller_enrolment", () => counters)

  const ofMachine = (machineId: string, host: string): ReadonlyArray<string> =>
    known
      .list()
      .filter((record) => record.machineId === machineId && record.host === host)
      .sort((first, second) => second.lastSeenMs - first.lastSeenMs)
      .map(({ id }) => id)

  const answer = (agent: string, certificate: string): EnrolmentAnswer => ({
    state: certificate === "" ? "waiting" : "issued",
    agent,
    certificate,
    authority: authority.certificate,
  })

  /** Writes what was decided, unless somebody was quicker. */
  const keep = (
    before: { readonly modified: number } | undefined,
    record: EnrolmentRecord,
    use?: { readonly when: Condition; readonly write: Write },
  ) =>
    Effect.gen(function* () {
      const key = enrolled.keyOf(record.agent)
      const unchanged: Condition =
        before === undefined ? { key, is: "absent" } : { key, is: "modified", at: before.modified }
      const { isDone } = yield* coordination.commit({
        when: use === undefined ? [unchanged] : [unchanged, use.when],
        writes: [{ put: key, value: JSON.stringify(record) }, ...(use === undefined ? [] : [use.write])],
      })
      if (!isDone) return yield* new Overtaken()
    })

  /** Behind a revocation, so that the agent is taken again at once. */
  const certify = (agent: string, publicKey: KeyObject) =>
    Effect.gen(function* () {
      const refusedUntilMs = yield* revocations.refusedUntilMs(agent)
      // Certificates tell whole seconds.
      const atMs = Math.max(yield* Clock.currentTimeMillis, (refusedUntilMs ?? -1_000) + 1_000)
      return yield* authority
        .issue({ kind: "agent", name: agent }, publicKey, atMs)
        .pipe(Effect.mapError(({ message }) => refuse("identity", message)))
    })

  const renew = (request: EnrolmentRequest, csr: ReadCsr, name: string) =>
    Effect.gen(function* () {
      if (request.agent !== name) {
        return yield* refuse(
          "identity",
          `the certificate is that of agent ${name}, not of ${request.agent}: remove tls/ from the agent's data directory and enrol again`,
        )
      }
      const before = yield* enrolled.get(name)
      if (before === undefined) {
        return yield* refuse("identity", `agent ${name} was deleted: enrol it again with a token`, 300_000)
      }
      if (before.record.keyDigest === csr.keyDigest && (yield* isFresh(before.record))) {
        counters.repeated_total++
        return answer(name, before.record.certificate)
      }
      const certificate = yield* certify(name, csr.publicKey)
      const changedMs = yield* Clock.currentTimeMillis
      yield* keep(before, { ...before.record, keyDigest: csr.keyDigest, certificate, changedMs })
      counters.renewed_total++
      return answer(name, certificate)
    })

  /** Whether the kept certificate is good for most of its time: a request that comes again, not one that is due. */
  const isFresh = ({ certificate }: EnrolmentRecord) =>
    Effect.gen(function* () {
      const nowMs = yield* Clock.currentTimeMillis
      return yield* checkCertificate(authority.certificate, certificate, nowMs).pipe(
        Effect.map(({ notAfterMs }) => notAfterMs - nowMs > (certificateDays * dayMs) / 2),
        Effect.orElseSucceed(() => false),
      )
    })

  const tokenFor = (text: string, peer: Peer): Effect.Effect<KnownToken, AgentRefused> =>
    Effect.gen(function* () {
      const found = yield* tokens.find(text).pipe(
        Effect.catchTags({
          TokenRefused: ({ message }) =>
            Effect.gen(function* () {
              failures.note(peer.remote, yield* Clock.currentTimeMillis)
              const because = peer.problem === undefined ? "" : ` (and ${peer.problem})`
              return yield* refuse("token", message + because, 30_000)
            }),
          CoordinationError: ({ message }) => Effect.fail(refuse("unavailable", message, 1_000)),
        }),
      )
      const { role } = found.token
      if (role !== "agent") {
        return yield* refuse(
          "token",
          `the token is of the role ${role}: agents enrol with one of the role agent`,
        )
      }
      return found
    })

  const enrolNew = (request: EnrolmentRequest, csr: ReadCsr, peer: Peer) =>
    Effect.gen(function* () {
      const { refusal, token, use } = yield* tokenFor(request.token, peer)
      const agent = yield* agentIdFor(request, csr.keyDigest, enrolled, ofMachine)
      const revoked = yield* revocations.get(agent)
      if (revoked !== undefined && token.createdMs <= revoked.atMs)
        return yield* refuse(
          "revoked",
          `agent ${agent} was revoked: it needs a token that was made after that`,
          300_000,
        )
      const before = yield* enrolled.get(agent)
      const isRepeated = before?.record.keyDigest === csr.keyDigest && before.record.token === token.id
      if (refusal !== undefined && !(isRepeated && refusal.reason !== "revoked"))
        return yield* refuse("token", refusal.message, 300_000)
      if (isRepeated && (yield* isFresh(before.record))) {
        counters.repeated_total++
        return answer(agent, before.record.certificate)
      }
      // A certificate that ran out is a use of its own; one that somebody approved meanwhile is not.
      const isCounted = !isRepeated || before.record.certificate !== ""
      if (isCounted && refusal !== undefined) return yield* refuse("token", refusal.message, 300_000)
      const { permission } = known.get(agent) ?? (yield* known.saw(helloOf(request, agent)))
      if (permission === "disabled")
        return yield* refuse(
          "identity",
          `agent ${agent} is disabled: \`sonde admin agents enable ${agent}\``,
          300_000,
        )
      const isWaiting = permission === "pending"
      counters.waiting_total += isWaiting ? 1 : 0
      if (isWaiting && !isCounted) return answer(agent, "")
      const certificate = isWaiting ? "" : yield* certify(agent, csr.publicKey)
      const record: EnrolmentRecord = {
        agent,
        keyDigest: csr.keyDigest,
        token: token.id,
        host: request.host,
        machineId: request.machineId,
        certificate,
        changedMs: yield* Clock.currentTimeMillis,
      }
      yield* keep(before, record, isCounted ? use : undefined)
      if (!isWaiting) counters.issued_total++
      return answer(agent, certificate)
    })

  const attempt = (request: EnrolmentRequest, peer: Peer) =>
    Effect.gen(function* () {
      if (failures.areTooMany(peer.remote, yield* Clock.currentTimeMillis)) {
        return yield* refuse("flood", "too many attempts with a wrong token from this address: wait a minute")
      }
      const csr = yield* readCsr(request.csr).pipe(
        Effect.mapError(({ message }) => refuse("identity", message, 300_000)),
      )
      return yield* request.token === "" && peer.identity.kind === "agent"
        ? renew(request, csr, peer.identity.name)
        : enrolNew(request, csr, peer)
    })

  return {
    enrol: (request: EnrolmentRequest, peer: Peer): Effect.Effect<EnrolmentAnswer, AgentRefused> =>
      attempt(request, peer).pipe(
        Effect.retry({ times: attemptsMost, while: ({ _tag }) => _tag === "Overtaken" }),
        Effect.catchTags({
          Overtaken: () =>
            Effect.fail(refuse("unavailable", "others enrol at the same time: try again", 500)),
          CoordinationError: ({ message }) => Effect.fail(refuse("unavailable", message, 1_000)),
        }),
        one.withPermit,
        Effect.tapError(() => Effect.sync(() => counters.refused_total++)),
      ),
    forget: (agent: string) => coordination.commit({ writes: [{ remove: enrolled.keyOf(agent) }] }),
    trim: trimEnrolled(prefix, coordination),
  }
})

/** As much of a hello as is known before the first. */
const helloOf = ({ host, machineId }: EnrolmentRequest, agent: string) => ({
  agent,
  host,
  machineId,
  instance: "",
  protocol: 0,
  version: "",
  os: "",
  kernel: "",
  arch: "",
  cpuCount: 0,
  memoryMiB: 0,
  region: "",
  zone: "",
  cannotReach: [],
  capabilities: [],
  configVersion: 0,
  configDigest: "",
})
