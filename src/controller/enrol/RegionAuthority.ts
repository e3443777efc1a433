// The region's authority as its servers share it: `pki/ca` in the store, made by the first server, its key sealed under the secret of
// the cluster. Gives out certificates, and keeps that of this server renewed.

import { createPublicKey, type KeyObject } from "node:crypto"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import { Coordination, type CoordinationError } from "../../runtime/coordination/Coordination.ts"
import { supervise } from "../../runtime/supervise.ts"
import {
  type Authority,
  AuthorityError,
  fingerprintOf,
  issue,
  makeAuthority,
  openAuthority,
} from "../../runtime/tls/authority.ts"
import { makeCsr } from "../../runtime/tls/csr.ts"
import type { Identity } from "../../runtime/tls/identity.ts"
import { type Credentials, LiveCredentials } from "../../runtime/tls/LiveCredentials.ts"
import { keepRenewed } from "../../runtime/tls/rotation.ts"
import { Sealed, seal, unseal } from "./sealedText.ts"

const Kept = Schema.Struct({ certificate: Schema.String, key: Sealed, createdMs: Schema.Number })
const decode = Schema.decodeUnknownOption(Schema.fromJsonString(Kept))

export const certificateDays = 7

export interface RegionAuthorityOptions {
  /** Of all keys: `/sonde/REGION/`. */
  readonly prefix: string
  readonly region: string
  /** The same on all servers of the region. */
  readonly secret: string
}

export class RegionAuthority extends Context.Service<
  RegionAuthority,
  {
    /** PEM. */
    readonly certificate: string
    /** As tokens carry it. */
    readonly fingerprint: string
    /** A certificate for 7 days, PEM. `atMs`: from when on, if not now. */
    readonly issue: (
      identity: Identity,
      publicKey: KeyObject,
      atMs?: number,
    ) => Effect.Effect<string, AuthorityError>
    /** Of this server; renewed as long as the scope is open. Its key is in memory only. `hosts`: for browsers. */
    readonly serverCredentials: (
      name: string,
      hosts?: ReadonlyArray<string>,
    ) => Effect.Effect<LiveCredentials, AuthorityError, Scope.Scope>
  }
>()("sonde/controller/RegionAuthority") {
  static readonly layer = (
    options: RegionAuthorityOptions,
  ): Layer.Layer<RegionAuthority, AuthorityError | CoordinationError, Coordination> =>
    Layer.effect(RegionAuthority, make(options))
}

/** The sealed key belongs to this certificate of this region, and to nothing else. */
const purposeOf = (region: string, certificate: string): string =>
  `sonde pki/ca ${region} ${fingerprintOf(certificate)}`

const create = (options: RegionAuthorityOptions) =>
  Effect.gen(function* () {
    const coordination = yield* Coordination
    const { prefix, region, secret } = options
    const nowMs = yield* Clock.currentTimeMillis
    const authority = yield* makeAuthority(region, nowMs)
    const pem = authority.key.export({ type: "pkcs8", format: "pem" }).toString()
    const key = yield* seal(pem, secret, purposeOf(region, authority.certificate))
    const value = JSON.stringify({ certificate: authority.certificate, key, createdMs: nowMs })
    const { isDone } = yield* coordination.commit({
      when: [{ key: `${prefix}pki/ca`, is: "absent" }],
      writes: [{ put: `${prefix}pki/ca`, value }],
    })
    if (!isDone) return undefined
    yield* Effect.logInfo(
      `the authority of region ${region} was made (fingerprint ${fingerprintOf(authority.certificate)})`,
    )
    return authority
  })

const open = (value: string, { prefix, region, secret }: RegionAuthorityOptions) =>
  Effect.gen(function* () {
    const anew = `or remove ${prefix}pki/ca from the store to begin anew, after which agents have to enrol again`
    const kept = Option.getOrUndefined(decode(value))
    if (kept === undefined) {
      return yield* new AuthorityError({
        message: `${prefix}pki/ca is not what Sonde wrote there: bring back a copy of the store, ${anew}`,
      })
    }
    const fingerprint = yield* Effect.try({
      try: () => purposeOf(region, kept.certificate),
      catch: () =>
        new AuthorityError({
          message: `${prefix}pki/ca holds no certificate: bring back a copy of the store, ${anew}`,
        }),
    })
    const key = yield* unseal(kept.key, secret, fingerprint)
    if (key === undefined) {
      return yield* new AuthorityError({
        message: `cluster.secret is not the one under which the authority of region ${region} was made: set that of the other servers, ${anew}`,
      })
    }
    return yield* openAuthority(region, kept.certificate, key)
  })

/** Loads the authority, or makes it; of several servers that start at once one makes it. */
const load = (options: RegionAuthorityOptions) =>
  Effect.gen(function* () {
    const coordination = yield* Coordination
    while (true) {
      const entry = yield* coordination.get(`${options.prefix}pki/ca`)
      const authority = yield* entry === undefined ? create(options) : open(entry.value, options)
      if (authority !== undefined) return authority
    }
  })

const make = (options: RegionAuthorityOptions) =>
  Effect.gen(function* () {
    const authority: Authority = yield* load(options)
    const { certificate } = authority

    const issueFor = (
      identity: Identity,
      publicKey: KeyObject,
      atMs?: number,
      hosts: ReadonlyArray<string> = [],
    ) =>
      Effect.flatMap(Clock.currentTimeMillis, (nowMs) =>
        issue(authority, { identity, publicKey, days: certificateDays, nowMs: atMs ?? nowMs, hosts }),
      )

    const forServer = (
      name: string,
      hosts: ReadonlyArray<string>,
    ): Effect.Effect<Credentials, AuthorityError> =>
      Effect.suspend(() => {
        const { key } = makeCsr(name)
        const issued = issueFor({ kind: "server", name }, createPublicKey(key), undefined, hosts)
        return Effect.map(issued, (own) => ({ key, certificate: own, authority: certificate }))
      })

    return {
      certificate,
      fingerprint: fingerprintOf(certificate),
      issue: issueFor,
      serverCredentials: (name: string, hosts: ReadonlyArray<string> = []) =>
        Effect.gen(function* () {
          const live = new LiveCredentials(yield* forServer(name, hosts))
          yield* Effect.forkScoped(
            supervise("controller/certificate")(keepRenewed(live, forServer(name, hosts))),
          )
          return live
        }),
    }
  })
