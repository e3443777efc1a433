// Request targets (RFC 9112 section 3.2): path, endpoint, and what of a query may be kept.

import { ownText } from "../latin1.ts"

/** What takes the place of a secret's value. */
export const masked = "***"

const secretNames = new Set([
  "auth",
  "authorization",
  "code_verifier",
  "jwt",
  "key",
  "otp",
  "pass",
  "passwd",
  "pin",
  "pwd",
  "sig",
  "sid",
])
const secretEndings = [
  "token",
  "password",
  "passphrase",
  "secret",
  "signature",
  "credential",
  "credentials",
  "apikey",
  "api_key",
  "api-key",
  "accesskey",
  "access_key",
  "privatekey",
  "private_key",
  "sessionid",
  "session_id",
  "secretkey",
  "secret_key",
  "_key",
]
const maxSecretName = 64
/** Names judged before: programs use few, and judging one costs more than all else about a query. */
const judged = new Map<string, boolean>()
const maxJudged = 1024

const isSecretName = (name: string): boolean => {
  if (name.length > maxSecretName) return true
  const known = judged.get(name)
  if (known !== undefined) return known
  const isSecret = looksSecret(name)
  if (judged.size >= maxJudged) judged.clear()
  judged.set(ownText(name), isSecret)
  return isSecret
}

const looksSecret = (name: string): boolean => {
  let lower = name.toLowerCase()
  if (lower.includes("%")) {
    try {
      lower = decodeURIComponent(lower)
    } catch {}
  }
  // `user[password]` and `password[]`: the innermost name that is not empty.
  lower = lower.replaceAll("[]", "").replaceAll("]", "")
  lower = lower.slice(lower.lastIndexOf("[") + 1)
  return secretNames.has(lower) || secretEndings.some((ending) => lower.endsWith(ending))
}

/** The same target with the values of query parameters masked whose names look secret. */
export const maskQuery = (target: string): string => {
  const queryAt = target.indexOf("?") + 1
  if (queryAt === 0) return target
  let result = ""
  let copied = 0
  let at = queryAt
  while (at < target.length) {
    let end = target.indexOf("&", at)
    if (end < 0) end = target.length
    const equals = target.indexOf("=", at)
    if (equals < 0) break
    if (equals < end) {
      if (equals + 1 < end && isSecretName(target.slice(at, equals))) {
        result += target.slice(copied, equals + 1) + masked
        copied = end
      }
    }
    at = end + 1
  }
  return copied === 0 ? target : result + target.slice(copied)
}

const digitsOnly = /^\d+$/
const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i
const hexId = /^(?=[^\d]*\d)[0-9a-f]{8,}$/i
/** "user-15", "order_2024-0017": a name, and a number behind a separator. */
const numbered = /^(.*?[a-z])([-_.])\d[\d\-_.]*$/i

/** A path segment without what differs from one object to the next: ids become `*`, names and versions ("v1", "s3") stay. */
const withoutId = (segment: string): string => {
  if (digitsOnly.test(segment) || uuid.test(segment) || hexId.test(segment)) return "*"
  const name = numbered.exec(segment)
  return name === null ? segment : `${name[1]}${name[2]}*`
}

const digit = /\d/
const longestSegment = 128

/**
 * The first `segments` path segments without ids, query or fragment: what requests are grouped by. `/cart/user-15/items` is
 * `/cart/user-*`.
 */
export const endpointOf = (resource: string, segments: number): string => {
  const path = firstSegments(resource, segments)
  // Most paths have no digit, and nothing to look at twice.
  if (!digit.test(path)) return path
  return path
    .split("/")
    .map((segment) =>
      segment.length > longestSegment || !digit.test(segment) ? segment : withoutId(segment),
    )
    .join("/")
}

const firstSegments = (resource: string, segments: number): string => {
  const query = resource.indexOf("?")
  let end = query < 0 ? resource.length : query
  if (resource.charCodeAt(0) !== 47) return resource.slice(0, end)
  let slash = 0
  for (let kept = 0; kept < segments; kept++) {
    slash = resource.indexOf("/", slash + 1)
    if (slash < 0 || slash >= end) return end === resource.length ? resource : resource.slice(0, end)
  }
  end = slash
  return resource.slice(0, end)
}

/** `host:port` of an authority, without the user information that may hold a password. */
export const hostOf = (authority: string): string => authority.slice(authority.lastIndexOf("@") + 1)
