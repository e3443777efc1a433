// Reads one HTTP/1.x message head into an L7Message and into what decides the body (RFC 9112 section 6).
// One reader serves all connections of a protocol value: its fields hold what the latest head said.
// Authorization and Cookie headers are never looked at.

import { type L7Message, ResponseStatus } from "../../../model/L7Session.ts"
import { asUtf8, latin1Text } from "../latin1.ts"
import {
  isSpanId,
  isTraceparent,
  readB3,
  readSw8,
  readUber,
  takeTraceparent,
  TraceRank,
} from "../traceContext.ts"
import { badLength, bytesOf, isHeader, isName, isWord, lengthIn, lineEndIn, noLength } from "./headBytes.ts"
import { addToHash, KnownEndpoints } from "./KnownEndpoints.ts"
import { endpointOf, hostOf, maskQuery, mayHoldSecret } from "./target.ts"

/** What a response's body depends on in its request. */
export const MethodKind = { unknown: 0, ordinary: 1, head: 2, connect: 3 } as const
export type MethodKind = (typeof MethodKind)[keyof typeof MethodKind]

/** Results of reading a head besides its length. */
export const openHead = 0
export const noHead = -1

const maxMethod = 24
const CR = 13
const SPACE = 32
const LF = 10
const slash = 47
const question = 63

const b3 = bytesOf("b3")
const chunked = bytesOf("chunked")
const contentLength = bytesOf("content-length")
const contentType = bytesOf("content-type")
const eventStream = bytesOf("text/event-stream")
const host = bytesOf("host")
const identity = bytesOf("identity")
const referer = bytesOf("referer")
const sw8 = bytesOf("sw8")
const traceparent = bytesOf("traceparent")
const transferEncoding = bytesOf("transfer-encoding")
const uberTraceId = bytesOf("uber-trace-id")
const upgrade = bytesOf("upgrade")
const userAgent = bytesOf("user-agent")
const xB3ParentSpanId = bytesOf("x-b3-parentspanid")
const xB3SpanId = bytesOf("x-b3-spanid")
const xB3TraceId = bytesOf("x-b3-traceid")
const xForwardedFor = bytesOf("x-forwarded-for")
const xRequestId = bytesOf("x-request-id")

/** The methods of RFC 9110, so that no text is made of them. */
const methods = ["GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH", "CONNECT", "TRACE"].map(
  (name) => ({ name, bytes: bytesOf(name) }),
)

const requestVersion = bytesOf(" HTTP/1.")
const responseVersion = bytesOf("HTTP/1.")

/** A list of equal values is one value (RFC 9110 section 8.6). */
const listedLength = (value: string): number => {
  const parts = value.split(",").map((part) => part.trim())
  return parts.length > 1 &&
    parts.every((part) => /^\d{1,15}$/.test(part) && Number(part) === Number(parts[0]))
    ? Number(parts[0])
    : badLength
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
  /** The head stands in bytes[base, stop). */
  private bytes: Uint8Array = b3
  private base = 0
  private stop = 0
  /**
   * The same as text, of a request: lines are found and values cut in it, names looked at in the bytes. Responses rarely have values
   * that are kept; empty.
   */
  private text = ""
  private readonly keepSegments: number
  private readonly endpoints = new KnownEndpoints()

  constructor(keepSegments: number) {
    this.keepSegments = keepSegments
  }

  /**
   * Reads the head in bytes[start, end), up to the empty line. Returns its length when lines end in CRLF, `openHead` when the
   * bytes end before it or the lines end otherwise, `noHead` when this is no request line of HTTP/1.x.
   */
  readRequest(bytes: Uint8Array, start: number, end: number, message: L7Message): number {
    this.begin(bytes, start, end)
    this.text = latin1Text(bytes, start, end)
    const lineEnd = this.lineEnd(start)
    const latest = start + maxMethod
    let space = start
    while (space <= latest && bytes[space] !== SPACE) space++
    if (space === start || space > latest || lineEnd < 0) return noHead
    const hasCr = bytes[lineEnd - 1] === CR
    const stop = hasCr ? lineEnd - 1 : lineEnd
    const versionAt = stop - 8
    if (versionAt - 2 <= space || !isWord(bytes, versionAt - 1, requestVersion)) return noHead
    const method = this.methodOf(space)
    const minor = bytes[stop - 1]
    if (method === "" || minor < 48 || minor > 57) return noHead
    message.version = minor === 49 ? "1.1" : this.cut(stop - 3, stop)
    message.requestType = method
    const length = this.readHeaders(lineEnd + 1, message)
    this.readTarget(space + 1, versionAt - 1, message)
    return hasCr ? length : openHead
  }

  /** The same with a status line. */
  readResponse(bytes: Uint8Array, start: number, end: number, message: L7Message): number {
    this.begin(bytes, start, end)
    this.text = ""
    const lineEnd = this.lineEnd(start)
    if (lineEnd < start + 12 || !isWord(bytes, start, responseVersion) || bytes[start + 8] !== 32)
      return noHead
    const code = lengthIn(bytes, start + 9, start + 12)
    const after = bytes[start + 12]
    if (code < 100 || code > 999 || (after !== 32 && after !== CR && after !== LF)) return noHead
    message.version = bytes[start + 7] === 49 ? "1.1" : this.cut(start + 5, start + 8)
    message.code = code
    if (code >= 500) message.status = ResponseStatus.serverError
    else if (code >= 400) message.status = ResponseStatus.clientError
    else message.status = ResponseStatus.ok
    if (code >= 400) message.exception = this.cut(start + 13, lineEnd).trim()
    const length = this.readHeaders(lineEnd + 1, message)
    return bytes[lineEnd - 1] === CR ? length : openHead
  }

  private begin(bytes: Uint8Array, start: number, end: number): void {
    this.bytes = bytes
    this.base = start
    this.stop = end
    this.contentLength = noLength
    this.isChunked = false
    this.hasOtherCoding = false
    this.isEventStream = false
    this.upgrade = ""
    this.methodKind = MethodKind.unknown
    this.traceRank = TraceRank.none
    this.host = ""
  }

  /** The line that begins at `at` ends at its LF; -1: it has none. */
  private lineEnd(at: number): number {
    const { base, text } = this
    if (text === "") return lineEndIn(this.bytes, at, this.stop)
    const lineEnd = text.indexOf("\n", at - base)
    return lineEnd < 0 ? -1 : base + lineEnd
  }

  /** The text bytes[from, to). */
  private cut(from: number, to: number): string {
    const { base, text } = this
    return text === "" ? latin1Text(this.bytes, from, to) : text.slice(from - base, to - base)
  }

  /** The head's bytes up to `end`, when they can be a method; else empty. */
  private methodOf(end: number): string {
    const { base, bytes } = this
    const length = end - base
    for (const method of methods)
      if (method.bytes.length === length && isWord(bytes, base, method.bytes)) return method.name
    for (let i = base; i < end; i++) {
      const c = bytes[i]
      if (!((c >= 65 && c <= 90) || c === 45 || c === 95)) return ""
    }
    return this.cut(base, end)
  }

  private readTarget(from: number, to: number, message: L7Message): void {
    this.methodKind = MethodKind.ordinary
    if (message.requestType === "HEAD") this.methodKind = MethodKind.head
    else if (message.requestType === "CONNECT") this.methodKind = MethodKind.connect
    if (this.bytes[from] === slash && this.methodKind !== MethodKind.connect) this.readPath(from, to, message)
    else this.readOtherTarget(from, to, message)
  }

  /** A target in origin form, as almost all are: a path, maybe with a query. */
  private readPath(from: number, to: number, message: L7Message): void {
    const { bytes, keepSegments } = this
    let pathEnd = from + 1
    let segments = 0
    let hash = 0
    for (; pathEnd < to; pathEnd++) {
      const c = bytes[pathEnd]
      if (c === question || (c === slash && ++segments === keepSegments)) break
      hash = addToHash(hash, c)
    }
    let query = pathEnd
    while (query < to && bytes[query] !== question) query++
    const target = this.cut(from, to)
    const shown = mayHoldSecret(bytes, query + 1, to) ? maskQuery(target) : target
    message.requestDomain = this.host
    message.requestResource = this.isAscii(from, to) ? shown : asUtf8(shown)
    const known = this.endpoints.find(bytes, from, pathEnd, hash)
    message.endpoint = known ?? endpointOf(message.requestResource, keepSegments)
    if (known === undefined) this.endpoints.add(bytes, from, pathEnd, hash, message.endpoint)
  }

  /** An authority, a URL, `*`, or what is none of these. */
  private readOtherTarget(from: number, to: number, message: L7Message): void {
    const target = this.cut(from, to)
    const first = target.charCodeAt(0)
    let resource = target
    let domain = this.host
    if (this.methodKind === MethodKind.connect) {
      resource = domain = hostOf(target)
    } else if (first !== slash && first !== 42) {
      const scheme = target.indexOf("://")
      if (scheme > 0) {
        let pathAt = scheme + 3
        while (pathAt < target.length && !"/?#".includes(target.charAt(pathAt))) pathAt++
        domain = hostOf(target.slice(scheme + 3, pathAt))
        resource = target.charCodeAt(pathAt) === 47 ? target.slice(pathAt) : `/${target.slice(pathAt)}`
      }
    }
    message.requestDomain = domain
    const shown = maskQuery(resource)
    message.requestResource = this.isAscii(from, to) ? shown : asUtf8(shown)
    message.endpoint = endpointOf(message.requestResource, this.keepSegments)
  }

  private isAscii(from: number, to: number): boolean {
    const { bytes } = this
    let all = 0
    for (let i = from; i < to; i++) all |= bytes[i]
    return all < 128
  }

  /** Each line is found by its line end, then told by its first letter: few lines are compared at all. */
  private readHeaders(from: number, message: L7Message): number {
    const { base, bytes, stop } = this
    let at = from
    for (;;) {
      if (at + 1 < stop && bytes[at] === CR && bytes[at + 1] === LF && bytes[at - 2] === CR)
        return at + 2 - base
      const lineEnd = this.lineEnd(at)
      if (lineEnd < 0) return openHead
      this.readHeader(at, lineEnd, message)
      at = lineEnd + 1
    }
  }

  /** Reads the header bytes[at, lineEnd). */
  private readHeader(at: number, lineEnd: number, message: L7Message): void {
    const { bytes } = this
    switch (bytes[at] | 32) {
      case 98: // b
        if (isHeader(bytes, at, b3)) this.readTrace(TraceRank.b3, this.value(at + 3, lineEnd), message)
        return
      case 99: // c
        if (isHeader(bytes, at, contentLength)) this.readLength(at + 15, lineEnd)
        else if (isHeader(bytes, at, contentType))
          this.isEventStream = isName(bytes, this.valueStart(at + 13, lineEnd), eventStream)
        return
      case 104: // h
        if (this.host === "" && isHeader(bytes, at, host)) this.host = this.value(at + 5, lineEnd)
        return
      case 114: // r
        if (isHeader(bytes, at, referer)) message.referer = maskQuery(this.value(at + 8, lineEnd))
        return
      case 115: // s
        if (isHeader(bytes, at, sw8)) this.readTrace(TraceRank.sw8, this.value(at + 4, lineEnd), message)
        return
      case 116: // t
        if (isHeader(bytes, at, traceparent)) this.readTraceparent(at + 12, lineEnd, message)
        else if (isHeader(bytes, at, transferEncoding)) this.readCoding(at + 18, lineEnd)
        return
      case 117: // u
        if (isHeader(bytes, at, userAgent)) message.userAgent = this.value(at + 11, lineEnd)
        else if (isHeader(bytes, at, upgrade)) this.upgrade = this.value(at + 8, lineEnd).toLowerCase()
        else if (isHeader(bytes, at, uberTraceId))
          this.readTrace(TraceRank.uber, this.value(at + 14, lineEnd), message)
        return
      case 120: // x
        this.readExtension(at, lineEnd, message)
        return
      default:
        return
    }
  }

  /** Headers that begin with `x-`. */
  private readExtension(at: number, lineEnd: number, message: L7Message): void {
    const { bytes } = this
    if (isHeader(bytes, at, xRequestId)) message.xRequestId = this.value(at + 13, lineEnd)
    else if (isHeader(bytes, at, xForwardedFor)) {
      if (message.proxyClient !== "") return
      const value = this.value(at + 16, lineEnd)
      const comma = value.indexOf(",")
      message.proxyClient = comma < 0 ? value : value.slice(0, comma).trim()
    } else if (isHeader(bytes, at, xB3TraceId)) {
      const trace = this.value(at + 13, lineEnd)
      if (this.traceRank > TraceRank.b3 || !isSpanId(trace)) return
      message.traceId = trace
      this.traceRank = TraceRank.b3
    } else if (isHeader(bytes, at, xB3SpanId)) {
      const span = this.value(at + 12, lineEnd)
      if (this.traceRank <= TraceRank.b3 && isSpanId(span)) message.spanId = span
    } else if (isHeader(bytes, at, xB3ParentSpanId)) {
      const parent = this.value(at + 18, lineEnd)
      if (this.traceRank <= TraceRank.b3 && isSpanId(parent)) message.parentSpanId = parent
    }
  }

  /** Where the value begins in bytes[from, lineEnd). */
  private valueStart(from: number, lineEnd: number): number {
    const { bytes } = this
    let start = from
    while (start < lineEnd && bytes[start] <= 32) start++
    return start
  }

  private valueEnd(start: number, lineEnd: number): number {
    const { bytes } = this
    let end = lineEnd
    while (end > start && bytes[end - 1] <= 32) end--
    return end
  }

  private value(from: number, lineEnd: number): string {
    const start = this.valueStart(from, lineEnd)
    return this.cut(start, this.valueEnd(start, lineEnd))
  }

  private readCoding(from: number, lineEnd: number): void {
    const start = this.valueStart(from, lineEnd)
    const end = this.valueEnd(start, lineEnd)
    this.isChunked = end - start >= chunked.length && isName(this.bytes, end - chunked.length, chunked)
    this.hasOtherCoding = !this.isChunked && !isName(this.bytes, start, identity)
  }

  private readLength(from: number, lineEnd: number): void {
    const start = this.valueStart(from, lineEnd)
    let length = lengthIn(this.bytes, start, this.valueEnd(start, lineEnd))
    if (length === badLength) length = listedLength(this.value(from, lineEnd))
    // Another value than before is an attempt to smuggle.
    const contradicts = this.contentLength !== noLength && this.contentLength !== length
    this.contentLength = contradicts ? badLength : length
  }

  private readTraceparent(from: number, lineEnd: number, message: L7Message): void {
    const start = this.valueStart(from, lineEnd)
    if (!isTraceparent(this.bytes, start, this.valueEnd(start, lineEnd))) return
    if (this.text === "") takeTraceparent(this.value(from, lineEnd), 0, message)
    else takeTraceparent(this.text, start - this.base, message)
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
