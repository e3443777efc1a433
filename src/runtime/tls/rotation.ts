// Renews a certificate at two thirds of its validity and hands it to `LiveCredentials`. A renewal that fails is tried again, more and
// more often towards the end; connections that are open go on.

import { X509Certificate } from "node:crypto"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import type { Credentials, LiveCredentials } from "./LiveCredentials.ts"

/** A machine that slept notices within. */
const lookEveryMs = 60_000
const retryLeastMs = 30_000
const retryMostMs = 600_000

const validity = (certificate: string) => {
  const { validFromDate, validToDate } = new X509Certificate(certificate)
  return { fromMs: validFromDate.getTime(), toMs: validToDate.getTime() }
}

/** When a certificate (PEM) is to be renewed. */
export const renewAtMs = (certificate: string): number => {
  const { fromMs, toMs } = validity(certificate)
  return fromMs + ((toMs - fromMs) * 2) / 3
}

const waitUntil = (ms: number): Effect.Effect<void> =>
  Effect.gen(function* () {
    while (true) {
      const leftMs = ms - (yield* Clock.currentTimeMillis)
      if (leftMs <= 0) return
      yield* Effect.sleep(Math.min(leftMs, lookEveryMs))
    }
  })

/** Runs until it is interrupted. `renew` also keeps what it got, if it is to be kept. */
export const keepRenewed = (
  live: LiveCredentials,
  renew: Effect.Effect<Credentials, { readonly message: string }>,
): Effect.Effect<never> =>
  Effect.gen(function* () {
    while (true) {
      yield* waitUntil(renewAtMs(live.current.certificate))
      const { toMs } = validity(live.current.certificate)
      const renewed = yield* Effect.catch(renew, ({ message }) =>
        Effect.gen(function* () {
          const leftMs = toMs - (yield* Clock.currentTimeMillis)
          const hours = Math.floor(Math.abs(leftMs) / 3_600_000)
          yield* Effect.logWarning(
            `the certificate could not be renewed (${message}); it ${leftMs > 0 ? `expires in ${hours} h` : `expired ${hours} h ago`}; trying again`,
          )
          const waitMs = Math.min(Math.max(leftMs / 20, retryLeastMs), retryMostMs)
          yield* Effect.sleep(waitMs * (0.5 + (yield* Random.next)))
          return undefined
        }),
      )
      if (renewed === undefined) continue
      live.replace(renewed)
      yield* Effect.logInfo(
        `the certificate was renewed; it is valid until ${new Date(validity(renewed.certificate).toMs).toISOString()}`,
      )
    }
  })
