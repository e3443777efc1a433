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

/** Results of reading a head besides its length. */
export const openHead = 0
export const noHead = -1

const maxMethod = 24
const CR = 13
const COLON = 58
const LF = "\n"
const lineFeed = 10

/** Is text[at, at + name.length) `name`, which is in lower case, in any case? */
const isName = (text: string, at: number, name: string): boolean => {
  for (let i = 0; i < name.length; i++) {
    if ((text.charCodeAt(at + i) | 32) !== name.charCodeAt(i)) return false
  }
  return true
}

/** Is text[at, ...) `name`, which is in lower case, and a colon? */
const isHeader = (text: string, at: number, name: string): boolean =>
  text.charCodeAt(at + name.length) === COLON && isName(text, at, name)

/** The methods of RFC 9110, so that no text is made of them. */
const methods = ["GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH", "CONNECT", "TRACE"]

/** text[0, end), when it can be a method; else empty. */
const methodOf = (text: string, end: number): string => {
  for (const method of methods) if (method.length === end && text.startsWith(method)) return method
  return isMethod(text, end) ? text.slice(0, end) : ""
}

const isMethod = (text: string, end: number): boolean => {
  for (let i = 0; i < end; i++) {
    const c = text.charCodeAt(i)
    if (!((c >= 65 && c <= 90) || c === 45 || c === 95)) return false
  }
  return true
}

/** The number text[start, end). Decimal digits only, at most 15 of them: stays below 2^53. */
const parseLength = (text: string, start: number, end: number): number => {
  if (start === end || end - start > 15) return badLength
  let value = 0
  for (let i = start; i < end; i++) {
    const digit = text.charCodeAt(i) - 48
    if (digit < 0 || digit > 9) return badLength
    value = value * 10 + digit
  }
  return value
}

/** A list of equal values is one value (RFC 9110 section 8.6). */
const listedLength = (value: string): number => {
  const lengths = value.split(",").map((part) => {
    const length = part.trim()
    return parseLength(length, 0, length.length)
  })
  return lengths.length > 1 && lengths.every((length) => length === lengths[0]) ? lengths[0]! : badLength
}

/** Where the value begins in text[from, lineEnd). */
const valueStart = (text: string, from: number, lineEnd: number): number => {
  let start = from
  while (start < lineEnd && text.charCodeAt(start) <= 32) start++
  return start
}

const valueEnd = (text: string, start: number, lineEnd: number): number => {
  let end = lineEnd
  while (end > start && text.charCodeAt(end - 1) <= 32) end--
  return end
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

  /**
   * Reads the head that `text` begins with, up to the empty line. Returns the position behind that when lines end in CRLF,
   * `openHead` when the text ends before it or the lines end otherwise, `noHead` when this is no request line of HTTP/1.x.
   */
  readRequest(text: string, message: L7Message): number {
    this.reset()
    const lineEnd = text.indexOf(LF)
    const space = text.indexOf(" ")
    if (space < 1 || space > maxMethod || lineEnd < 0) return noHead
    const hasCr = text.charCodeAt(lineEnd - 1) === CR
    const stop = hasCr ? lineEnd - 1 : lineEnd
    const versionAt = stop - 8
    if (versionAt - 2 <= space || !text.startsWith(" HTTP/1.", versionAt - 1)) return noHead
    const method = methodOf(text, space)
    const minor = text.charCodeAt(stop - 1)
    if (method === "" || minor < 48 || minor > 57) return noHead
    message.version = minor === 49 ? "1.1" : text.slice(stop - 3, stop)
    message.requestType = method
    const end = this.readHeaders(text, lineEnd + 1, message)
    this.readTarget(text.slice(space + 1, versionAt - 1), message)
    return hasCr ? end : openHead
  }

  /** The same with a status line. */
  readResponse(text: string, message: L7Message): number {
    this.reset()
    const lineEnd = text.indexOf(LF)
    if (lineEnd < 12 || !text.startsWith("HTTP/1.") || text.charCodeAt(8) !== 32) return noHead
    const code = parseLength(text, 9, 12)
    const after = text.charCodeAt(12)
    if (code < 100 || code > 999 || (after !== 32 && after !== CR && after !== lineFeed)) return noHead
    message.version = text.charCodeAt(7) === 49 ? "1.1" : text.slice(5, 8)
    message.code = code
    if (code >= 500) message.status = ResponseStatus.serverError
    else if (code >= 400) message.status = ResponseStatus.clientError
    else message.status = ResponseStatus.ok
    if (code >= 400) message.exception = text.slice(13, lineEnd).trim()
    const end = this.readHeaders(text, lineEnd + 1, message)
    return text.charCodeAt(lineEnd - 1) === CR ? end : openHead
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

  /** Each line is found by its line end, then told by its first letter: few lines are compared at all. */
  private readHeaders(text: string, from: number, message: L7Message): number {
    let at = from
    for (;;) {
      if (text.charCodeAt(at) === CR && text.charCodeAt(at + 1) === lineFeed && text.charCodeAt(at - 2) === CR)
        return at + 2
      const lineEnd = text.indexOf(LF, at)
      if (lineEnd < 0) return openHead
      this.readHeader(text, at, lineEnd, message)
      at = lineEnd + 1
    }
  }

  private readHeader(text: string, at: number, lineEnd: number, message: L7Message): void {
    switch (text.charCodeAt(at) | 32) {
      case 98: // b
        if (isHeader(text, at, "b3")) this.readTrace(TraceRank.b3, this.value(text, at + 3, lineEnd), message)
        return
      case 99: // c
        if (isHeader(text, at, "content-length")) this.readLength(text, at + 15, lineEnd)
        else if (isHeader(text, at, "content-type"))
          this.isEventStream = isName(text, valueStart(text, at + 13, lineEnd), "text/event-stream")
        return
      case 104: // h
        if (this.host === "" && isHeader(text, at, "host")) this.host = this.value(text, at + 5, lineEnd)
        return
      case 114: // r
        if (isHeader(text, at, "referer")) message.referer = maskQuery(this.value(text, at + 8, lineEnd))
        return
      case 115: // s
        if (isHeader(text, at, "sw8"))
          this.readTrace(TraceRank.sw8, this.value(text, at + 4, lineEnd), message)
        return
      case 116: // t
        if (isHeader(text, at, "traceparent")) this.readTraceparent(text, at + 12, lineEnd, message)
        else if (isHeader(text, at, "transfer-encoding"))
          this.readCoding(this.value(text, at + 18, lineEnd))
        return
      case 117: // u
        if (isHeader(text, at, "user-agent")) message.userAgent = this.value(text, at + 11, lineEnd)
        else if (isHeader(text, at, "upgrade"))
          this.upgrade = this.value(text, at + 8, lineEnd).toLowerCase()
        else if (isHeader(text, at, "uber-trace-id"))
          this.readTrace(TraceRank.uber, this.value(text, at + 14, lineEnd), message)
        return
      case 120: // x
        this.readExtension(text, at, lineEnd, message)
        return
      default:
        return
    }
  }

  /** Headers that begin with `x-`. */
  private readExtension(text: string, at: number, lineEnd: number, message: L7Message): void {
    if (isHeader(text, at, "x-request-id")) message.xRequestId = this.value(text, at + 13, lineEnd)
    else if (isHeader(text, at, "x-forwarded-for")) {
      if (message.proxyClient !== "") return
      const value = this.value(text, at + 16, lineEnd)
      const comma = value.indexOf(",")
      message.proxyClient = comma < 0 ? value : value.slice(0, comma).trim()
    } else if (isHeader(text, at, "x-b3-traceid")) {
      const trace = this.value(text, at + 13, lineEnd)
      if (this.traceRank > TraceRank.b3 || !isSpanId(trace)) return
      message.traceId = trace
      this.traceRank = TraceRank.b3
    } else if (isHeader(text, at, "x-b3-spanid")) {
      const span = this.value(text, at + 12, lineEnd)
      if (this.traceRank <= TraceRank.b3 && isSpanId(span)) message.spanId = span
    } else if (isHeader(text, at, "x-b3-parentspanid")) {
      const parent = this.value(text, at + 18, lineEnd)
      if (this.traceRank <= TraceRank.b3 && isSpanId(parent)) message.parentSpanId = parent
    }
  }

  private value(text: string, from: number, lineEnd: number): string {
    const start = valueStart(text, from, lineEnd)
    return text.slice(start, valueEnd(text, start, lineEnd))
  }

  private readCoding(value: string): void {
    this.isChunked = value.length >= 7 && isName(value, value.length - 7, "chunked")
    this.hasOtherCoding = !this.isChunked && !isName(value, 0, "identity")
  }

  private readLength(text: string, from: number, lineEnd: number): void {
    const start = valueStart(text, from, lineEnd)
    let length = parseLength(text, start, valueEnd(text, start, lineEnd))
    if (length === badLength) length = listedLength(this.value(text, from, lineEnd))
    // Another value than before is an attempt to smuggle.
    const contradicts = this.contentLength !== noLength && this.contentLength !== length
    this.contentLength = contradicts ? badLength : length
  }

  private readTraceparent(text: string, from: number, lineEnd: number, message: L7Message): void {
    const start = valueStart(text, from, lineEnd)
    if (!readTraceparent(text, start, valueEnd(text, start, lineEnd), message)) return
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
