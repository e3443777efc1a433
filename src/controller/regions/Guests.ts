// Agents of other regions that come here because nobody at home takes them, and what agents of this region are told for that case.
// A guest proves itself by its certificate from home: a request made with the same key gets it one of this region.

import { X509Certificate } from "node:crypto"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import { Coordination, type CoordinationError } from "../../runtime/coordination/Coordination.ts"
import { checkCertificate, issuedAtMs } from "../../runtime/tls/authority.ts"
import { keyDigestOf, readCsr } from "../../runtime/tls/csr.ts"
import { AgentRefused, type Elsewhere, elsewhereMost } from "../../wire/control/AgentRpc.ts"
import type { EnrolmentAnswer, EnrolmentRequest } from "../enrol/Enrolment.ts"
import type { RegionAuthority } from "../enrol/RegionAuthority.ts"
import { identityCopy } from "./globalKeys.ts"
import type { Comer } from "./Identities.ts"
import { decodeIdentity, isOtherMachine } from "./Identity.ts"
import type { RegionDirectoryService, SharingRegion } from "./RegionDirectory.ts"

export interface GuestsOptions {
  /** Of the region's keys: `/sonde/REGION/`. */
  readonly prefix: string
  readonly region: string
  /** As this region's machines are labelled. */
  readonly label: string
  readonly allowsSpill: boolean
  /** With which regions; empty: with all. */
  readonly spillRegions: ReadonlyArray<string>
  /** How long an agent looks for a server at home before it goes elsewhere. */
  readonly afterSeconds: number
  readonly isTls: boolean
  readonly directory: RegionDirectoryService
  readonly authority: RegionAuthority["Service"]
  /** Is there an agent of this region of that name? */
  readonly hasResident: (agent: string) => boolean
}

export interface HomeProof {
  readonly region: string
  /** PEM; given out by the authority of that region. */
  readonly certificate: string
}

export interface GuestsService {
  readonly region: string
  /** Whether an agent of region `home` may be here. */
  readonly admit: (comer: Comer, home: string) => Effect.Effect<void, AgentRefused | CoordinationError>
  readonly enrol: (
    request: EnrolmentRequest,
    proof: HomeProof,
  ) => Effect.Effect<EnrolmentAnswer, AgentRefused | CoordinationError>
  /** Where agents of this region may go; undefined: nowhere. */
  readonly elsewhere: () => Elsewhere | undefined
}

/** Undefined: the region shares nothing. */
export const Guests = Context.Reference<GuestsService | undefined>("sonde/controller/Guests", {
  defaultValue: () => undefined,
})

const longMs = 300_000

const refused = (reason: AgentRefused["reason"], message: string, retryAfterMs = 60_000) =>
  new AgentRefused({ reason, message, retryAfterMs })

export const makeGuests = (options: GuestsOptions): Effect.Effect<GuestsService, never, Coordination> =>
  Effect.map(Coordination, (coordination) => {
    const { allowsSpill, authority, directory, prefix, region } = options

    const isWanted = (name: string) =>
      options.spillRegions.length === 0 || options.spillRegions.includes(name)

    const hostRefusal = (home: string): AgentRefused | SharingRegion => {
      const known = directory.get(home)
      if (!allowsSpill) return refused("unavailable", `region ${region} takes no guests (cluster.spill)`)
      if (!isWanted(home))
        return refused("unavailable", `region ${region} takes no guests of ${home} (cluster.spillRegions)`)
      if (known === undefined)
        return refused(
          "unavailable",
          `region ${home}, where this agent is at home, is not known in ${region}`,
        )
      if (!known.allowsSpill)
        return refused("unavailable", `region ${home} lets its agents not go elsewhere (cluster.spill there)`)
      return known
    }

    const admit: GuestsService["admit"] = ({ agent, host, machineId }, home) =>
      Effect.gen(function* () {
        const known = hostRefusal(home)
        if (known instanceof AgentRefused) return yield* known
        const identity = decodeIdentity(yield* coordination.get(`${prefix}${identityCopy}${agent}`))
        if (options.hasResident(agent) || (identity !== undefined && identity.region !== home)) {
          const where = identity?.region ?? region
          return yield* refused(
            "cloned",
            `agent ${agent} is at home in region ${where}, not in ${home}`,
            longMs,
          )
        }
        if (identity !== undefined && isOtherMachine(identity, { machineId })) {
          return yield* refused(
            "cloned",
            `agent ${agent} of region ${home} runs on ${identity.host}, and ${host} is another machine: its data directory was copied`,
            longMs,
          )
        }
        if (identity !== undefined && identity.permission !== "allowed")
          return yield* refused(
            "identity",
            `agent ${agent} is ${identity.permission} at home in ${home}`,
            longMs,
          )
      })

    /** The certificate is of that region's authority, names the agent, and has the key of the request. */
    const checkProof = (request: EnrolmentRequest, proof: HomeProof, home: SharingRegion) =>
      Effect.gen(function* () {
        if (home.authority === "") return yield* refused("identity", `region ${home.name} has no authority`)
        const nowMs = yield* Clock.currentTimeMillis
        const wrong = (message: string) =>
          refused("identity", `the certificate of region ${home.name}: ${message}`, longMs)
        const checked = yield* checkCertificate(home.authority, proof.certificate, nowMs).pipe(
          Effect.mapError(({ message }) => wrong(message)),
        )
        const { identity } = checked
        if (checked.region !== home.name || identity.kind !== "agent" || identity.name !== request.agent)
          return yield* wrong(`it is that of ${identity.kind} ${identity.name} of region ${checked.region}`)
        const csr = yield* readCsr(request.csr).pipe(Effect.mapError(({ message }) => wrong(message)))
        const shown = new X509Certificate(proof.certificate)
        if (keyDigestOf(shown.publicKey) !== csr.keyDigest)
          return yield* wrong("the request was made with another key")
        return { publicKey: csr.publicKey, issuedMs: issuedAtMs(shown) }
      })

    return {
      region,
      admit,
      enrol: (request, proof) =>
        Effect.gen(function* () {
          yield* admit(request, proof.region)
          const home = directory.get(proof.region)
          if (home === undefined) return yield* refused("unavailable", `region ${proof.region} is gone`)
          const { issuedMs, publicKey } = yield* checkProof(request, proof, home)
          // As old as the one from home: it ends with that, and what revokes that revokes it.
          const certificate = yield* authority
            .issue({ kind: "agent", name: request.agent }, publicKey, issuedMs)
            .pipe(Effect.mapError(({ message }) => refused("identity", message)))
          return {
            state: "issued" as const,
            agent: request.agent,
            certificate,
            authority: authority.certificate,
          }
        }),
      elsewhere: () => {
        if (!allowsSpill) return undefined
        const regions = directory
          .others()
          .filter(
            (one) =>
              one.allowsSpill &&
              isWanted(one.name) &&
              one.control.length > 0 &&
              (one.authority !== "") === options.isTls &&
              !directory.isAway(one),
          )
          .slice(0, elsewhereMost)
          .map(({ authority, control, name }) => ({ name, authority, control }))
        const { afterSeconds, label } = options
        return { home: region, label: label === "" ? region : label, afterSeconds, regions }
      },
    }
  })
