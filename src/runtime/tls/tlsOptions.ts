// How this process speaks TLS, for servers and clients alike: TLS 1.3, the region's authority and no other, certificates on both
// sides. A server takes a client without a certificate (one that wants to enrol) and says who it is: nobody; the rest is up to it.

import { X509Certificate } from "node:crypto"
import { constants } from "node:crypto"
import { connect, type ConnectionOptions, type Server, type TLSSocket, type TlsOptions } from "node:tls"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import { nobody, type Peer } from "../rpc/Peer.ts"
import { fingerprintOf, issuedAtMs } from "./authority.ts"
import type { Gate } from "./Gate.ts"
import { identityIn } from "./identity.ts"
import type { Credentials, LiveCredentials } from "./LiveCredentials.ts"
import { toPem } from "./pem.ts"
import { certificateProblem, tlsProblem } from "./tlsProblem.ts"

/** Who is there, and why a certificate that was shown is not believed. */
export type PeerIdentity = Pick<Peer, "identity" | "problem" | "isRevoked">

export interface ServerTls {
  /** As they are now; `follow` keeps a server up to date. */
  readonly options: () => TlsOptions
  readonly peerOf: (socket: TLSSocket) => PeerIdentity
  /** Gives what ends it. */
  readonly follow: (server: Server) => () => void
}

/** For connecting: asked each time, since certificates are renewed. */
export type ClientTls = () => ConnectionOptions

const handshakeMs = 10_000
/** Of certificates of one peer. */
const chainMost = 8

const contextOf = ({ authority, certificate, key }: Credentials): TlsOptions => ({
  key,
  // The authority goes along, so that whoever enrols can compare it with the fingerprint in its token.
  cert: certificate + authority,
  ca: authority,
  minVersion: "TLSv1.3",
  // A session taken up again would bring back a certificate that was verified earlier, expired or not.
  secureOptions: constants.SSL_OP_NO_TICKET,
})

const peerOf = (socket: TLSSocket, gate: Gate | undefined): PeerIdentity => {
  const certificate = socket.getPeerX509Certificate()
  if (certificate === undefined) return { identity: nobody }
  if (!socket.authorized)
    return { identity: nobody, problem: certificateProblem(socket.authorizationError, "the client's") }
  const identity = identityIn(certificate)
  if (identity === undefined) return { identity: nobody, problem: "the client's certificate names nobody" }
  const shown = { identity: { kind: identity.kind, name: identity.name }, issuedMs: issuedAtMs(certificate) }
  const refusal = gate?.admit(socket, shown)
  return refusal === undefined
    ? { identity: shown.identity }
    : { identity: nobody, problem: refusal, isRevoked: true }
}

/** `gate`: whose certificates are not taken although they are valid. */
export const serverTls = (live: LiveCredentials, gate?: Gate): ServerTls => ({
  options: () => ({
    ...contextOf(live.current),
    requestCert: true,
    // Refused by the one who asks `peerOf`, with a word about the reason.
    rejectUnauthorized: false,
    handshakeTimeout: handshakeMs,
  }),
  peerOf: (socket) => peerOf(socket, gate),
  follow: (server) => live.follow((credentials) => server.setSecureContext(contextOf(credentials))),
})

/** Any server of the region will do, whatever its address. */
const checkServerIdentity = (_: string, certificate: { readonly raw: Buffer }): Error | undefined => {
  const identity = identityIn(new X509Certificate(certificate.raw))
  return identity?.kind === "server"
    ? undefined
    : new Error(
        `the peer is no server of the region: its certificate is that of ${identity === undefined ? "nobody" : `${identity.kind} ${identity.name}`}`,
      )
}

/** `trust` without key and certificate: for a client that has none (yet). */
export const clientTls = (trust: {
  readonly authority: string
  readonly key?: string
  readonly certificate?: string
}): ConnectionOptions => ({
  ca: trust.authority,
  minVersion: "TLSv1.3",
  checkServerIdentity,
  ...(trust.key === undefined ? {} : { key: trust.key }),
  ...(trust.certificate === undefined ? {} : { cert: trust.certificate }),
})

export const liveClientTls =
  (live: LiveCredentials): ClientTls =>
  () =>
    clientTls(live.current)

/** `unreachable` may pass by itself. */
export class AuthorityNotFetched extends Data.TaggedError("AuthorityNotFetched")<{
  readonly reason: "unreachable" | "another"
  readonly message: string
}> {}

const chainOf = (socket: TLSSocket): ReadonlyArray<Buffer> => {
  const found: Array<Buffer> = []
  let one = socket.getPeerCertificate(true)
  while (found.length < chainMost && one?.raw !== undefined) {
    found.push(one.raw)
    if (one.issuerCertificate === one) break
    one = one.issuerCertificate
  }
  return found
}

/**
 * The authority of whoever is at `address` (PEM), if its fingerprint is the expected one. Nothing is sent or believed beyond that:
 * the next connection is made with `clientTls`, which verifies the server against it.
 */
export const fetchAuthority = (
  address: { readonly host: string; readonly port: number },
  fingerprint: string,
  timeoutMs: number,
): Effect.Effect<string, AuthorityNotFetched> =>
  Effect.callback<string, AuthorityNotFetched>((resume) => {
    const failed = (reason: AuthorityNotFetched["reason"], message: string) =>
      resume(Effect.fail(new AuthorityNotFetched({ reason, message })))
    const socket = connect({ ...address, rejectUnauthorized: false, minVersion: "TLSv1.3" })
    socket.on("error", (error) => failed("unreachable", tlsProblem(error)))
    socket.on("close", () => failed("unreachable", "the peer closed the connection"))
    socket.once("secureConnect", () => {
      const raw = chainOf(socket).find((one) => fingerprintOf(one) === fingerprint)
      if (raw === undefined) {
        failed(
          "another",
          `the server at ${address.host}:${address.port} is not of the region that the token is for: check the address, or make a token there`,
        )
      } else resume(Effect.succeed(toPem("CERTIFICATE", raw)))
      socket.destroy()
    })
    return Effect.sync(() => socket.destroy())
  }).pipe(
    Effect.timeoutOrElse({
      duration: timeoutMs,
      orElse: () =>
        Effect.fail(
          new AuthorityNotFetched({
            reason: "unreachable",
            message: `no TLS connection within ${timeoutMs} ms`,
          }),
        ),
    }),
  )
