// TLS for browsers and programs that ask over HTTP: a certificate that names hosts, and none asked of the client. It comes from the
// region's authority, or from files that somebody else renews; either way listeners take over a new one as they run.

import { createPrivateKey, X509Certificate } from "node:crypto"
import { readFileSync } from "node:fs"
import type { ConnectionOptions, Server, TlsOptions } from "node:tls"
import * as Clock from "effect/Clock"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { supervise } from "../supervise.ts"
import { LiveCredentials, type Credentials } from "./LiveCredentials.ts"

export interface WebTls {
  readonly options: () => TlsOptions
  /** Gives what ends it. */
  readonly follow: (server: Server) => () => void
}

/** The files are not a certificate and its key. */
export class WebCertificateError extends Data.TaggedError("WebCertificateError")<{
  readonly message: string
}> {}

const lookEveryMs = 10_000

const contextOf = ({ authority, certificate, key }: Credentials): TlsOptions => ({
  key,
  cert: certificate + authority,
  minVersion: "TLSv1.3",
})

export const webTls = (live: LiveCredentials): WebTls => ({
  options: () => contextOf(live.current),
  follow: (server) => live.follow((credentials) => server.setSecureContext(contextOf(credentials))),
})

/** For a client of this machine: the server shows this certificate (PEM) and no other, whatever its authority and address. */
export const pinned = (certificate: string): ConnectionOptions => {
  const { raw } = new X509Certificate(certificate)
  return {
    // A certificate that is trusted itself ends the chain, self-signed or not.
    ca: certificate,
    allowPartialTrustChain: true,
    checkServerIdentity: (_, shown) =>
      shown.raw.equals(raw)
        ? undefined
        : new Error("the server shows another certificate than http.certificate"),
  }
}

const textOf = (path: string): string => {
  try {
    return readFileSync(path, "utf8")
  } catch (cause) {
    throw new Error(`${path} cannot be read (${(cause as NodeJS.ErrnoException).code})`, { cause })
  }
}

const readPair = (certificateFile: string, keyFile: string, nowMs: number): Credentials => {
  const certificate = textOf(certificateFile)
  const key = textOf(keyFile)
  let own: X509Certificate
  try {
    own = new X509Certificate(certificate)
  } catch (cause) {
    throw new Error(`${certificateFile} is no certificate (PEM expected)`, { cause })
  }
  let isPair: boolean
  try {
    isPair = own.checkPrivateKey(createPrivateKey(key))
  } catch (cause) {
    throw new Error(`${keyFile} is no private key (PEM expected)`, { cause })
  }
  if (!isPair) throw new Error(`${keyFile} is not the key of ${certificateFile}`)
  if (own.validToDate.getTime() < nowMs)
    throw new Error(`the certificate in ${certificateFile} ended at ${own.validToDate.toISOString()}`)
  return { key, certificate, authority: "" }
}

/** From files (PEM; the certificate first, then its chain), and again whenever they change, as long as the scope is open. */
export const webCertificateFromFiles = (
  certificateFile: string,
  keyFile: string,
): Effect.Effect<LiveCredentials, WebCertificateError, Scope.Scope> =>
  Effect.gen(function* () {
    const read = Effect.flatMap(Clock.currentTimeMillis, (nowMs) =>
      Effect.try({
        try: () => readPair(certificateFile, keyFile, nowMs),
        catch: (cause) =>
          new WebCertificateError({ message: `http.certificate, http.key: ${(cause as Error).message}` }),
      }),
    )
    const live = new LiveCredentials(yield* read)
    let told = ""
    const look = Effect.gen(function* () {
      const found = yield* read
      told = ""
      if (found.certificate === live.current.certificate && found.key === live.current.key) return
      live.replace(found)
      yield* Effect.logInfo(`the certificate of the HTTP port was read again from ${certificateFile}`)
    }).pipe(
      Effect.catch(({ message }) =>
        Effect.suspend(() => {
          if (message === told) return Effect.void
          told = message
          return Effect.logWarning(`${message}; the one before stays in use`)
        }),
      ),
    )
    yield* Effect.forkScoped(
      supervise("server/http-certificate")(Effect.forever(Effect.andThen(Effect.sleep(lookEveryMs), look))),
    )
    return live
  })
