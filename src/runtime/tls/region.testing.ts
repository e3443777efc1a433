// A region's authority and credentials by it, for tests of whatever speaks TLS.

import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { type Authority, type AuthorityError, issue, makeAuthority } from "./authority.ts"
import { makeCsr, readCsr } from "./csr.ts"
import type { IdentityKind } from "./identity.ts"
import type { Credentials } from "./LiveCredentials.ts"

export interface TestRegion {
  readonly authority: Authority
  /** `atMs` from now: when the certificate is given out. */
  readonly credentials: (
    kind: IdentityKind,
    name: string,
    options?: { readonly atMs?: number; readonly days?: number },
  ) => Effect.Effect<Credentials, AuthorityError>
}

export const testRegion = (region = "test"): Effect.Effect<TestRegion, AuthorityError> =>
  Effect.gen(function* () {
    const nowMs = yield* Clock.currentTimeMillis
    const authority = yield* makeAuthority(region, nowMs)
    return {
      authority,
      credentials: Effect.fnUntraced(function* (kind, name, { atMs = 0, days = 7 } = {}) {
        const { csr, key } = makeCsr(name)
        const { publicKey } = yield* Effect.orDie(readCsr(csr))
        const certificate = yield* issue(authority, {
          identity: { kind, name },
          publicKey,
          days,
          nowMs: nowMs + atMs,
        })
        return { key, certificate, authority: authority.certificate }
      }),
    }
  })
