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
const slash = 47
const percent = 37
const ampersand = 38
const equals = 61
const closingBracket = 93
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

/** 1 for the pairs of letters with which secret names end, by 5 bits of each. */
const secretEnds = new Uint8Array(1024)
const pairOf = (first: number, second: number): number => ((first & 31) << 5) | (second & 31)
for (const name of [...secretNames, ...secretEndings])
  secretEnds[pairOf(name.charCodeAt(name.length - 2), name.charCodeAt(name.length - 1))] = 1

/** False when target[start, end) can be no secret name: most names need no look at more than their last letters. */
const mayBeSecret = (target: string, start: number, end: number): boolean => {
  if (end - start > maxSecretName) return true
  for (let i = start; i < end; i++) {
    const c = target.charCodeAt(i)
    if (c === percent || c === closingBracket) return true
  }
  return end - start > 1 && secretEnds[pairOf(target.charCodeAt(end - 2), target.charCodeAt(end - 1))] === 1
}

/** Whether a parameter of the query bytes[start, end) may have a secret name, so that `maskQuery` has to look. */
export const mayHoldSecret = (bytes: Uint8Array, start: number, end: number): boolean => {
  let nameAt = start
  let isName = true
  for (let i = start; i < end; i++) {
    const c = bytes[i]
    if (c === ampersand) {
      nameAt = i + 1
      isName = true
    } else if (isName && c === equals) {
      isName = false
      const length = i - nameAt
      if (length > maxSecretName || (length > 1 && secretEnds[pairOf(bytes[i - 2], bytes[i - 1])] === 1))
        return true
    } else if (isName && (c === percent || c === closingBracket)) return true
  }
  return false
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
      if (equals + 1 < end && mayBeSecret(target, at, equals) && isSecretName(target.slice(at, equals))) {
        result += target.slice(copied, equals + 1) + masked
        copied = end
      }
    }
    at = end + 1
  }
  return copied === 0 ? target : result + target.slice(copied)
}

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i
/** "user-15", "order_2024-0017": a name, and a number behind a separator. */
const numbered = /^(.*?[a-z])([-_.])\d[\d\-_.]*$/i
const uuidLength = 36
const shortestHexId = 8
const longestSegment = 128

/** What the characters of a path are, as bits: a segment with none but some of them may be an id. */
const Kind = { digit: 1, hexLetter: 2, separator: 4, other: 8 } as const
const kinds = Uint8Array.from({ length: 256 }, (_, c) => {
  if (c >= 48 && c <= 57) return Kind.digit
  if ((c | 32) >= 97 && (c | 32) <= 102) return Kind.hexLetter
  return c === 45 || c === 95 || c === 46 ? Kind.separator : Kind.other
})

/** A path segment without what differs from one object to the next: ids become `*`, names and versions ("v1", "s3") stay. */
const withoutId = (segment: string, seen: number): string => {
  if (segment.length > longestSegment) return segment
  if (seen === Kind.digit) return "*"
  if (seen === (Kind.digit | Kind.hexLetter)) return segment.length >= shortestHexId ? "*" : segment
  if ((seen & Kind.separator) === 0) return segment
  if (segment.length === uuidLength && uuid.test(segment)) return "*"
  const name = numbered.exec(segment)
  return name === null ? segment : `${name[1]}${name[2]}*`
}

/**
 * The first `segments` path segments without ids, query or fragment: what requests are grouped by. `/cart/user-15/items` is
 * `/cart/user-*`.
 */
export const endpointOf = (resource: string, segments: number): string => {
  const path = firstSegments(resource, segments)
  let result = ""
  let copied = 0
  let start = 0
  let seen = 0
  for (let i = 0; i <= path.length; i++) {
    const c = i < path.length ? path.charCodeAt(i) : slash
    if (c !== slash) {
      seen |= c < 256 ? kinds[c] : Kind.other
      continue
    }
    // Most segments have no digit, and nothing to look at twice.
    if ((seen & Kind.digit) !== 0) {
      const segment = path.slice(start, i)
      const shown = withoutId(segment, seen)
      if (shown !== segment) {
        result += path.slice(copied, start) + shown
        copied = i
      }
    }
    start = i + 1
    seen = 0
  }
  return copied === 0 ? path : result + path.slice(copied)
}

const firstSegments = (resource: string, segments: number): string => {
  const query = resource.indexOf("?")
  let end = query < 0 ? resource.length : query
  if (resource.charCodeAt(0) !== slash) return resource.slice(0, end)
  let at = 0
  for (let kept = 0; kept < segments; kept++) {
    at = resource.indexOf("/", at + 1)
    if (at < 0 || at >= end) return end === resource.length ? resource : resource.slice(0, end)
  }
  end = at
  return resource.slice(0, end)
}

/** `host:port` of an authority, without the user information that may hold a password. */
export const hostOf = (authority: string): string => authority.slice(authority.lastIndexOf("@") + 1)
