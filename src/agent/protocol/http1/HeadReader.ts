// Reads the text of one HTTP/1.x message head into an L7Message and into what decides the body (RFC 9112 section 6).
// One reader serves all connections of a protocol value: its fields hold what the latest head said.
// Authorization and Cookie headers are never looked at.

import { type L7Message, ResponseStatus } from "../../../model/L7Session.ts"
import { asUtf8 } from "../latin1.ts"
import { isSpanId, readB3, readSw8, readTraceparent, readUber, TraceRank } from "../traceContext.ts"
import { endpointOf, hostOf, maskQuery } from "./target.ts"

/** What a response's body depends on in its request. */
export const MethodKind = { unknown: 0, ordinary: 1, head: 2, connect: 3 } as const
export type MethodKind = (typeof MethodKind)[keyof typeof MethodKind]

export const noLength = -1
/** Content-Length that is no number or contradicts another one. */
export const badLength = -2

const maxMethod = 24
const CR = 13
const LF = "\n"

/** Is text[at, at + name.length) `name`, which is in lower case, in any case? */
const isName = (text: string, at: number, name: string): boolean => {
  for (let i = 0; i < name.length; i++) {
    if ((text.charCodeAt(at + i) | 32) !== name.charCodeAt(i)) return false
  }
  return true
}

const isMethod = (text: string, end: number): boolean => {
  for (let i = 0; i < end; i++) {
    const c = text.charCodeAt(i)
    if (!((c >= 65 && c <= 90) || c === 45 || c === 95)) return false
  }
  return true
}

/** Decimal digits only, at most 15 of them: stays below 2^53. */
const parseLength = (text: string): number => {
  if (text.length === 0 || text.length > 15) return badLength
  let value = 0
  for (let i = 0; i < text.length; i++) {
    const digit = text.charCodeAt(i) - 48
    if (digit < 0 || digit > 9) return badLength
    value = value * 10 + digit
  }
  return value
}

export class HeadReader {
  contentLength = noLength
  isChunked = false
  hasOtherCoding = false
  isEventStream = false
  /** Value of the Upgrade header in lower case. */
  upgrade = ""
  methodKind: MethodKind = MethodKind.unknown
  private traceRank: number = TraceRank.none
  private host = ""
  private readonly keepSegments: number

  constructor(keepSegments: number) {
    this.keepSegments = keepSegments
  }

  /** Reads text[0, end), which ends with a line end. False when it does not begin with a request line of HTTP/1.x. */
  readRequest(text: string, end: number, message: L7Message): boolean {
    this.reset()
    const lineEnd = text.indexOf(LF)
    const space = text.indexOf(" ")
    if (space < 1 || space > maxMethod || lineEnd < 0) return false
    const stop = text.charCodeAt(lineEnd - 1) === CR ? lineEnd - 1 : lineEnd
    const versionAt = stop - 8
    if (versionAt - 2 <= space || !text.startsWith(" HTTP/1.", versionAt - 1) || !isMethod(text, space))
      return false
    const minor = text.charCodeAt(stop - 1)
    if (minor < 48 || minor > 57) return false
    message.version = minor === 49 ? "1.1" : text.slice(stop - 3, stop)
    message.requestType = text.slice(0, space)
    this.readHeaders(text, lineEnd + 1, end, message)
    this.readTarget(text.slice(space + 1, versionAt - 1), message)
    return true
  }

  /** The same with a status line. */
  readResponse(text: string, end: number, message: L7Message): boolean {
    this.reset()
    const lineEnd = text.indexOf(LF)
    if (lineEnd < 12 || !text.startsWith("HTTP/1.") || text.charCodeAt(8) !== 32) return false
    const code = parseLength(text.slice(9, 12))
    const after = text.charCodeAt(12)
    if (code < 100 || code > 999 || (after !== 32 && after !== CR && after !== 10)) return false
    message.version = text.charCodeAt(7) === 49 ? "1.1" : text.slice(5, 8)
    message.code = code
    if (code >= 500) message.status = ResponseStatus.serverError
    else if (code >= 400) message.status = ResponseStatus.clientError
    else message.status = ResponseStatus.ok
    if (code >= 400) message.exception = text.slice(13, lineEnd).trim()
    this.readHeaders(text, lineEnd + 1, end, message)
    return true
  }

  private reset(): void {
    this.contentLength = noLength
    this.isChunked = false
    this.hasOtherCoding = false
    this.isEventStream = false
    this.upgrade = ""
    this.methodKind = MethodKind.unknown
    this.traceRank = TraceRank.none
    this.host = ""
  }

  private readTarget(target: string, message: L7Message): void {
    const first = target.charCodeAt(0)
    let resource = target
    let domain = this.host
    this.methodKind = MethodKind.ordinary
    if (message.requestType === "HEAD") this.methodKind = MethodKind.head
    if (message.requestType === "CONNECT") {
      this.methodKind = MethodKind.connect
      resource = domain = hostOf(target)
    } else if (first !== 47 && first !== 42) {
      const scheme = target.indexOf("://")
      if (scheme > 0) {
        let pathAt = scheme + 3
        while (pathAt < target.length && !"/?#".includes(target.charAt(pathAt))) pathAt++
        domain = hostOf(target.slice(scheme + 3, pathAt))
        resource = target.charCodeAt(pathAt) === 47 ? target.slice(pathAt) : `/${target.slice(pathAt)}`
      }
    }
    message.requestDomain = domain
    message.requestResource = asUtf8(maskQuery(resource))
    message.endpoint = endpointOf(message.requestResource, this.keepSegments)
  }

  /** Each line is found by its line end, then told by the length of its name: few lines are compared at all. */
  private readHeaders(text: string, from: number, end: number, message: L7Message): void {
    let at = from
    while (at < end) {
      const lineEnd = text.indexOf(LF, at)
      if (lineEnd < 0) return
      const colon = text.indexOf(":", at)
      if (colon < 0) return
      if (colon < lineEnd) this.readHeader(text, at, colon, lineEnd, message)
      at = lineEnd + 1
    }
  }

  private readHeader(text: string, at: number, colon: number, lineEnd: number, message: L7Message): void {
    switch (colon - at) {
      case 2:
        if (isName(text, at, "b3")) this.readTrace(TraceRank.b3, this.value(text, colon, lineEnd), message)
        return
      case 3:
        if (isName(text, at, "sw8")) this.readTrace(TraceRank.sw8, this.value(text, colon, lineEnd), message)
        return
      case 4:
        if (isName(text, at, "host") && this.host === "") this.host = this.value(text, colon, lineEnd)
        return
      case 7:
        if (isName(text, at, "referer")) message.referer = maskQuery(this.value(text, colon, lineEnd))
        else if (isName(text, at, "upgrade")) this.upgrade = this.value(text, colon, lineEnd).toLowerCase()
        return
      case 10:
        if (isName(text, at, "user-agent")) message.userAgent = this.value(text, colon, lineEnd)
        return
      case 11:
        if (isName(text, at, "traceparent")) {
          this.readTraceparent(text, colon, lineEnd, message)
        } else if (isName(text, at, "x-b3-spanid")) {
          const span = this.value(text, colon, lineEnd)
          if (this.traceRank <= TraceRank.b3 && isSpanId(span)) message.spanId = span
        }
        return
      case 12:
        if (isName(text, at, "x-request-id")) message.xRequestId = this.value(text, colon, lineEnd)
        else if (isName(text, at, "x-b3-traceid")) {
          const trace = this.value(text, colon, lineEnd)
          if (this.traceRank > TraceRank.b3 || !isSpanId(trace)) return
          message.traceId = trace
          this.traceRank = TraceRank.b3
        } else if (isName(text, at, "content-type")) {
          this.isEventStream = isName(this.value(text, colon, lineEnd), 0, "text/event-stream")
        }
        return
      case 13:
        if (isName(text, at, "uber-trace-id"))
          this.readTrace(TraceRank.uber, this.value(text, colon, lineEnd), message)
        return
      case 14:
        if (isName(text, at, "content-length")) this.readLength(this.value(text, colon, lineEnd))
        return
      case 15:
        if (isName(text, at, "x-forwarded-for") && message.proxyClient === "") {
          const value = this.value(text, colon, lineEnd)
          const comma = value.indexOf(",")
          message.proxyClient = comma < 0 ? value : value.slice(0, comma).trim()
        }
        return
      case 17:
        if (isName(text, at, "transfer-encoding")) {
          const value = this.value(text, colon, lineEnd)
          this.isChunked = value.length >= 7 && isName(value, value.length - 7, "chunked")
          this.hasOtherCoding = !this.isChunked && !isName(value, 0, "identity")
        } else if (isName(text, at, "x-b3-parentspanid")) {
          const parent = this.value(text, colon, lineEnd)
          if (this.traceRank <= TraceRank.b3 && isSpanId(parent)) message.parentSpanId = parent
        }
        return
      default:
        return
    }
  }

  private value(text: string, colon: number, lineEnd: number): string {
    let start = colon + 1
    let end = lineEnd
    while (start < end && text.charCodeAt(start) <= 32) start++
    while (end > start && text.charCodeAt(end - 1) <= 32) end--
    return text.slice(start, end)
  }

  private readLength(value: string): void {
    // A list of equal values is one value (RFC 9110 section 8.6); anything else is an attempt to smuggle.
    const comma = value.indexOf(",")
    const length = parseLength(comma < 0 ? value : value.slice(0, comma).trim())
    const contradicts =
      (this.contentLength !== noLength && this.contentLength !== length) ||
      (comma >= 0 && value.split(",").some((part) => parseLength(part.trim()) !== length))
    this.contentLength = contradicts ? badLength : length
  }

  private readTraceparent(text: string, colon: number, lineEnd: number, message: L7Message): void {
    let start = colon + 1
    let end = lineEnd
    while (start < end && text.charCodeAt(start) <= 32) start++
    while (end > start && text.charCodeAt(end - 1) <= 32) end--
    if (!readTraceparent(text, start, end, message)) return
    this.traceRank = TraceRank.traceparent
    message.parentSpanId = ""
  }

  private readTrace(rank: number, value: string, message: L7Message): void {
    if (rank <= this.traceRank) return
    const parent = message.parentSpanId
    message.parentSpanId = ""
    let found = false
    if (rank === TraceRank.sw8) found = readSw8(value, message)
    else if (rank === TraceRank.b3) found = readB3(value, message)
    else found = readUber(value, message)
    if (found) this.traceRank = rank
    else message.parentSpanId = parent
  }
}
