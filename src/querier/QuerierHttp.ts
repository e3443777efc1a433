// The query API and the console on one HTTP server: the wiring of routes, guards and listener. Each route's
// work stands in a file of its own. Requests beyond `maxInFlight` are refused, so that a crowd of browsers
// cannot pile up queries.

import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as ByteSize from "effect/ByteSize"
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as HttpIncomingMessage from "effect/http/HttpIncomingMessage"
import * as HttpRouter from "effect/http/HttpRouter"
import * as HttpServerRequest from "effect/http/HttpServerRequest"
import type * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as Layer from "effect/Layer"
import { createServer, type Server } from "node:http"
import { createServer as createTlsServer, Server as TlsServer } from "node:https"
import type { AdminDoor } from "./admin/AdminDoor.ts"
import type { ConsoleSources } from "./ConsoleSources.ts"
import { consoleRoutes, type RouteHandler } from "./http/consoleRoutes.ts"
import { ApiError } from "./http/ApiError.ts"
import { type OriginRules, refusedOrigin } from "./http/originGuard.ts"
import { portOwner } from "../runtime/portOwner.ts"
import type { WebTls } from "../runtime/tls/webTls.ts"
import { assertMayListen, formatAddress } from "../wire/socket.ts"
import { errorResponse } from "./http/responses.ts"
import { makeStaticFiles } from "./http/StaticFiles.ts"
import { getSql, postSql } from "./sql/sqlRoute.ts"
import type { QueryStore } from "./store/QueryStore.ts"

export interface QuerierHttpOptions extends OriginRules {
  /** 0 takes a free port. */
  readonly port: number
  /** Where `npm run build:web` puts the console. */
  readonly webDirectory: string
  /** Undefined: plain, which only loopback may be. */
  readonly tls?: WebTls | undefined
}

/** The address cannot be listened on; the message says why and what to do. */
export class ListenError extends Data.TaggedError("ListenError")<{
  readonly message: string
  readonly cause: unknown
}> {}

const maxInFlight = 64
const maxBodyBytes = 1024 * 1024
const shutdownSeconds = 2

/** Slow senders do not hold connections; answers may take as long as a query may. */
const serverTimeouts = { requestTimeout: 30_000, headersTimeout: 10_000, keepAliveTimeout: 30_000 }

const errorCode = (cause: unknown): string =>
  cause instanceof Error && "code" in cause && typeof cause.code === "string" ? cause.code : ""

const listenError = (options: QuerierHttpOptions, cause: unknown): ListenError => {
  const address = formatAddress(options)
  switch (errorCode(cause)) {
    case "EADDRINUSE":
      return new ListenError({
        message: `${address} is taken by ${portOwner(options.port) ?? "another program"}: choose another with --http PORT`,
        cause,
      })
    case "EACCES":
      return new ListenError({
        message: `${address} may not be listened on without more rights: choose a port above 1023 with --http PORT`,
        cause,
      })
    case "EADDRNOTAVAIL":
    case "ENOTFOUND":
      return new ListenError({
        message: `${options.host} is not an address of this host: set http.host to one, such as 127.0.0.1`,
        cause,
      })
    default:
      return new ListenError({ message: `${address} cannot be listened on: ${String(cause)}`, cause })
  }
}

const busy = errorResponse(
  new ApiError({
    status: 503,
    code: "busy",
    message: `${maxInFlight} requests are being answered already`,
    next: "try again in a moment",
  }),
)

/** Origin first, then room, then the route. */
const guarded = (rules: OriginRules) => {
  let inFlight = 0
  return <E, R>(handler: Effect.Effect<HttpServerResponse.HttpServerResponse, E, R>) =>
    Effect.flatMap(HttpServerRequest.HttpServerRequest, (request) => {
      const refused = refusedOrigin(rules, request)
      if (refused !== undefined) return Effect.succeed(errorResponse(refused))
      if (inFlight >= maxInFlight) return Effect.succeed(busy)
      inFlight++
      return Effect.ensuring(
        handler,
        Effect.sync(() => inFlight--),
      )
    })
}

/** TLS servers are HTTP servers in all that is asked of them here. */
const makeListener = (tls: WebTls | undefined): Server =>
  tls === undefined
    ? createServer(serverTimeouts)
    : (createTlsServer({ ...tls.options(), ...serverTimeouts }) as unknown as Server)

export class QuerierHttp extends Context.Service<
  QuerierHttp,
  {
    readonly host: string
    readonly port: number
    /** Where to point a browser. */
    readonly url: string
  }
>()("sonde/querier/QuerierHttp") {
  static readonly layer = (options: QuerierHttpOptions) =>
    Layer.effect(
      QuerierHttp,
      Effect.gen(function* () {
        yield* assertMayListen(options, "http.port", options).pipe(
          Effect.mapError((error) => new ListenError({ message: error.message, cause: error })),
        )
        const listener = makeListener(options.tls)
        if (options.tls !== undefined && listener instanceof TlsServer) {
          const unfollow = options.tls.follow(listener)
          yield* Effect.addFinalizer(() => Effect.sync(unfollow))
        }
        const server = yield* NodeHttpServer.make(() => listener, {
          host: options.host,
          port: options.port,
          gracefulShutdownTimeout: `${shutdownSeconds} seconds`,
        }).pipe(Effect.mapError((error) => listenError(options, error.cause)))
        const services = yield* Effect.context<QueryStore | ConsoleSources | AdminDoor>()
        const bounded = (handler: RouteHandler) =>
          handler.pipe(
            Effect.provideContext(services),
            Effect.provideService(HttpIncomingMessage.MaxBodySize, ByteSize.bytes(maxBodyBytes)),
          )
        const router = yield* HttpRouter.make.pipe(
          Effect.provideService(HttpRouter.RouterConfig, { maxParamLength: 4096, ignoreTrailingSlash: true }),
        )
        yield* router.add("POST", "/v1/query", bounded(postSql))
        yield* router.add("GET", "/v1/query", bounded(getSql))
        for (const [method, path, handler] of consoleRoutes(makeStaticFiles(options.webDirectory))) {
          yield* router.add(method, path, bounded(handler))
        }
        yield* server.serve(guarded(options)(router.asHttpEffect()))
        const scheme = options.tls === undefined ? "http" : "https"
        const port = server.address._tag === "UnixPathAddress" ? options.port : server.address.port
        return {
          host: options.host,
          port,
          url: `${scheme}://${formatAddress({ host: options.host, port })}/`,
        }
      }),
    )
}
