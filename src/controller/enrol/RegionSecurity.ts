// How the servers of this region and their agents know each other: the region's authority, tokens, and this server's own certificate
// where its ports speak TLS at all, which they do as soon as others can reach one of them.

import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { hostname } from "node:os"
import { resolve } from "node:path"
import type { SondeConfig } from "../../runtime/configSchema.ts"
import type { Coordination, CoordinationError } from "../../runtime/coordination/Coordination.ts"
import type { AuthorityError } from "../../runtime/tls/authority.ts"
import { keepAuthority, type TlsFileError } from "../../runtime/tls/files.ts"
import { type ClientTls, liveClientTls, type ServerTls, serverTls } from "../../runtime/tls/tlsOptions.ts"
import { isLoopback } from "../../wire/socket.ts"
import {
  WebCertificateError,
  webCertificateFromFiles,
  type WebTls,
  webTls,
} from "../../runtime/tls/webTls.ts"
import { Membership } from "../membership/Membership.ts"
import { Region } from "../membership/Region.ts"
import { clusterSecret, type ClusterSecretError } from "./clusterSecret.ts"
import type { Gate } from "../../runtime/tls/Gate.ts"
import { certificateDays, RegionAuthority } from "./RegionAuthority.ts"
import { Revocations } from "./Revocations.ts"
import { Tokens } from "./Tokens.ts"

export type SecurityError =
  | AuthorityError
  | WebCertificateError
  | ClusterSecretError
  | CoordinationError
  | TlsFileError

export class RegionSecurity extends Context.Service<
  RegionSecurity,
  {
    /** Shared by the servers of the region. */
    readonly secret: string
    /** Both undefined: this server's ports are plain, and only this machine reaches them. */
    readonly serverTls: ServerTls | undefined
    /** Of the HTTP port; undefined: it is plain, and only this machine reaches it. */
    readonly webTls: WebTls | undefined
    /** Of the port that takes agents' data. */
    readonly dataTls: ServerTls | undefined
    /** Has agents deliver no data, by their certificates; `review` of it cuts those that do. */
    readonly dataGate: Gate
    readonly clientTls: ClientTls | undefined
  }
>()("sonde/controller/RegionSecurity") {
  static readonly layer = (
    config: SondeConfig,
  ): Layer.Layer<
    RegionSecurity | RegionAuthority | Revocations | Tokens,
    SecurityError,
    Coordination | Membership | Region
  > =>
    Layer.unwrap(
      Effect.gen(function* () {
        const { name, prefix } = yield* Region
        const secret = yield* clusterSecret(resolve(config.data), config.cluster.secret)
        return own(config, secret).pipe(
          Layer.provideMerge(RegionAuthority.layer({ prefix, region: name, secret })),
          Layer.provideMerge([Tokens.layer(prefix), Revocations.layer(prefix, certificateDays)]),
        )
      }),
    )
}

const speaksTls = ({ admin, cluster, control, ingest }: SondeConfig): boolean =>
  cluster.tls === "always" || [admin, control, ingest].some(({ host }) => !isLoopback(host))

const isWildcard = (host: string): boolean => host === "0.0.0.0" || host === "::"

/** Names by which browsers may know this server. */
const webHosts = ({ cluster, http }: SondeConfig): ReadonlyArray<string> => {
  const named = [cluster.host, ...(isWildcard(http.host) ? [] : [http.host]), ...http.allowedHosts]
  return [...new Set(["localhost", "127.0.0.1", "::1", hostname(), ...named.filter((host) => host !== "")])]
}

/** TLS of the HTTP port. */
const webOf = (config: SondeConfig) =>
  Effect.gen(function* () {
    const { certificate, host, key, tls } = config.http
    if ((certificate === "") !== (key === ""))
      return yield* new WebCertificateError({
        message: "http.certificate and http.key: expected both or neither",
      })
    if (tls !== "always" && isLoopback(host)) return undefined
    if (certificate !== "") return webTls(yield* webCertificateFromFiles(certificate, key))
    const authority = yield* RegionAuthority
    const membership = yield* Membership
    const live = yield* authority.serverCredentials(membership.self().id, webHosts(config))
    // Whoever asks from this data directory knows the server by it.
    yield* keepAuthority(resolve(config.data), authority.certificate)
    return webTls(live)
  })

const own = (config: SondeConfig, secret: string) =>
  Layer.effect(
    RegionSecurity,
    Effect.gen(function* () {
      const web = yield* webOf(config)
      const { gate } = yield* Revocations
      const dataGate = gate.narrowed()
      if (!speaksTls(config))
        return {
          secret,
          serverTls: undefined,
          clientTls: undefined,
          dataTls: undefined,
          dataGate,
          webTls: web,
        }
      const authority = yield* RegionAuthority
      const membership = yield* Membership
      const live = yield* authority.serverCredentials(membership.self().id)
      // Whoever administers from this data directory knows the servers by it.
      yield* keepAuthority(resolve(config.data), authority.certificate)
      return {
        secret,
        serverTls: serverTls(live, gate),
        clientTls: liveClientTls(live),
        dataTls: serverTls(live, dataGate),
        dataGate,
        webTls: web,
      }
    }),
  )
