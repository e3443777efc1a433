// Keeps web pages of other origins away: the Host header must name this server (against DNS rebinding), and
// what a browser sends from another site is refused (against forged requests). Programs that are no browsers
// send neither header.

import { isIP } from "node:net"
import { ApiError } from "./ApiError.ts"

export interface OriginRules {
  /** Address the server listens on. */
  readonly host: string
  /** Further host names that requests may be addressed to. */
  readonly allowedHosts: ReadonlyArray<string>
}

export interface RequestOrigin {
  readonly method: string
  readonly headers: Readonly<Record<string, string | undefined>>
}

const withoutPort = (host: string): string => {
  const bracketed = /^\[([^\]]*)\](:[0-9]+)?$/.exec(host)
  return (bracketed === null ? host.replace(/:[0-9]+$/, "") : bracketed[1]).toLowerCase()
}

const isLoopback = (name: string): boolean =>
  name === "localhost" ||
  name.endsWith(".localhost") ||
  name === "::1" ||
  (isIP(name) === 4 && name.startsWith("127."))

const isWildcard = (host: string): boolean => host === "0.0.0.0" || host === "::"

const isOwnName = (rules: OriginRules, name: string): boolean =>
  isLoopback(name) ||
  name === rules.host.toLowerCase() ||
  (isWildcard(rules.host) && isIP(name) !== 0) ||
  rules.allowedHosts.some((allowed) => allowed.toLowerCase() === name)

const forbidden = (code: string, message: string, next: string): ApiError =>
  new ApiError({ status: 403, code, message, next })

const isSameOrigin = (origin: string, host: string): boolean => {
  const url = URL.parse(origin)
  return url !== null && url.host === host.toLowerCase()
}

const postTypes = ["application/json", "application/x-www-form-urlencoded"]

export const refusedOrigin = (rules: OriginRules, request: RequestOrigin): ApiError | undefined => {
  const host = request.headers["host"] ?? ""
  const name = withoutPort(host)
  if (!isOwnName(rules, name)) {
    return forbidden(
      "foreign_host",
      `the request is addressed to ${JSON.stringify(name.slice(0, 100))}, which is not a name of this server`,
      "open the address that `sonde up` printed, or add the name to http.allowedHosts",
    )
  }
  const origin = request.headers["origin"]
  const site = request.headers["sec-fetch-site"]
  const isNavigation = request.method === "GET" && request.headers["sec-fetch-mode"] === "navigate"
  const isForeign =
    (origin !== undefined && !isSameOrigin(origin, host)) || site === "cross-site" || site === "same-site"
  if (isForeign && !isNavigation) {
    return forbidden(
      "foreign_origin",
      "another web site asked for this",
      "open the console itself, or use a program",
    )
  }
  if (request.method === "POST" || request.method === "PUT") {
    const type = (request.headers["content-type"] ?? "").split(";", 1)[0].trim().toLowerCase()
    if (!postTypes.includes(type)) {
      return new ApiError({
        status: 415,
        code: "content_type",
        message: `content-type ${JSON.stringify(type.slice(0, 100))} is not answered`,
        next: `send the body as ${postTypes.join(" or ")}`,
      })
    }
  }
  return undefined
}
