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
const SPACE = 32
const LF = "\n"
const lineFeed = 10

/** A name in lower case as bytes: looking at bytes costs a third of looking at the characters of a text. */
const bytesOf = (name: string): Uint8Array => Uint8Array.from(name, (letter) => letter.charCodeAt(0))

/** Do bytes[at, ...) begin with `name` in any case? */
const isName = (bytes: Uint8Array, at: number, name: Uint8Array): boolean => {
  for (let i = 0; i < name.length; i++) if ((bytes[at + i] | 32) !== name[i]) return false
  return true
}

/** Do they with `name` and a colon? */
const isHeader = (bytes: Uint8Array, at: number, name: Uint8Array): boolean =>
  bytes[at + name.length] === COLON && isName(bytes, at, name)

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

/** Do bytes[at, ...) begin with `word`? */
const isWord = (bytes: Uint8Array, at: number, word: Uint8Array): boolean => {
  for (let i = 0; i < word.length; i++) if (bytes[at + i] !== word[i]) return false
  return true
}

const requestVersion = bytesOf(" HTTP/1.")
const responseVersion = bytesOf("HTTP/1.")

/** The number bytes[start, end). Decimal digits only, at most 15 of them: stays below 2^53. */
const parseLength = (bytes: Uint8Array, start: number, end: number): number => {
  if (start === end || end - start > 15) return badLength
  let value = 0
  for (let i = start; i < end; i++) {
    const digit = bytes[i] - 48
    if (digit < 0 || digit > 9) return badLength
    value = value * 10 + digit
  }
  return value
}

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
  /** The head's bytes, of which the first is bytes[base], and the same as text: names are looked at in one, values cut from the other. */
  private bytes: Uint8Array = b3
  private base = 0
  private text = ""
  private readonly keepSegments: number

  constructor(keepSegments: number) {
    this.keepSegments = keepSegments
  }

  /**
   * Reads the head in bytes[start, end), up to the empty line. Returns its length when lines end in CRLF, `openHead` when the
   * bytes end before it or the lines end otherwise, `noHead` when this is no request line of HTTP/1.x.
   */
  readRequest(bytes: Uint8Array, start: number, end: number, message: L7Message): number {
    const text = this.begin(bytes, start, end)
    const lineEnd = text.indexOf(LF)
    let space = 0
    while (space <= maxMethod && bytes[start + space] !== SPACE) space++
    if (space < 1 || space > maxMethod || lineEnd < 0) return noHead
    const hasCr = bytes[start + lineEnd - 1] === CR
    const stop = hasCr ? lineEnd - 1 : lineEnd
    const versionAt = stop - 8
    if (versionAt - 2 <= space || !isWord(bytes, start + versionAt - 1, requestVersion)) return noHead
    const method = this.methodOf(space)
    const minor = bytes[start + stop - 1]
    if (method === "" || minor < 48 || minor > 57) return noHead
    message.version = minor === 49 ? "1.1" : text.slice(stop - 3, stop)
    message.requestType = method
    const length = this.readHeaders(lineEnd + 1, message)
    this.readTarget(space + 1, versionAt - 1, message)
    return hasCr ? length : openHead
  }

  /** The same with a status line. */
  readResponse(bytes: Uint8Array, start: number, end: number, message: L7Message): number {
    const text = this.begin(bytes, start, end)
    const lineEnd = text.indexOf(LF)
    if (lineEnd < 12 || !isWord(bytes, start, responseVersion) || bytes[start + 8] !== 32) return noHead
    const code = parseLength(bytes, start + 9, start + 12)
    const after = bytes[start + 12]
    if (code < 100 || code > 999 || (after !== 32 && after !== CR && after !== lineFeed)) return noHead
    message.version = bytes[start + 7] === 49 ? "1.1" : text.slice(5, 8)
    message.code = code
    if (code >= 500) message.status = ResponseStatus.serverError
    else if (code >= 400) message.status = ResponseStatus.clientError
    else message.status = ResponseStatus.ok
    if (code >= 400) message.exception = text.slice(13, lineEnd).trim()
    const length = this.readHeaders(lineEnd + 1, message)
    return bytes[start + lineEnd - 1] === CR ? length : openHead
  }

  private begin(bytes: Uint8Array, start: number, end: number): string {
    this.bytes = bytes
    this.base = start
    this.text = latin1Text(bytes, start, end)
    this.contentLength = noLength
    this.isChunked = false
    this.hasOtherCoding = false
    this.isEventStream = false
    this.upgrade = ""
    this.methodKind = MethodKind.unknown
    this.traceRank = TraceRank.none
    this.host = ""
    return this.text
  }

  /** The head's first `length` bytes, when they can be a method; else empty. */
  private methodOf(length: number): string {
    const { base, bytes } = this
    for (const method of methods)
      if (method.bytes.length === length && isWord(bytes, base, method.bytes)) return method.name
    for (let i = base; i < base + length; i++) {
      const c = bytes[i]
      if (!((c >= 65 && c <= 90) || c === 45 || c === 95)) return ""
    }
    return this.text.slice(0, length)
  }

  private readTarget(from: number, to: number, message: L7Message): void {
    const target = this.text.slice(from, to)
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
    const shown = maskQuery(resource)
    message.requestResource = this.isAscii(from, to) ? shown : asUtf8(shown)
    message.endpoint = endpointOf(message.requestResource, this.keepSegments)
  }

  private isAscii(from: number, to: number): boolean {
    const { base, bytes } = this
    let all = 0
    for (let i = base + from; i < base + to; i++) all |= bytes[i]
    return all < 128
  }

  /** Each line is found by its line end, then told by its first letter: few lines are compared at all. */
  private readHeaders(from: number, message: L7Message): number {
    const { base, bytes, text } = this
    let line = from
    for (;;) {
      const at = base + line
      if (line + 1 < text.length && bytes[at] === CR && bytes[at + 1] === lineFeed && bytes[at - 2] === CR)
        return line + 2
      const lineEnd = text.indexOf(LF, line)
      if (lineEnd < 0) return openHead
      this.readHeader(at, base + lineEnd, message)
      line = lineEnd + 1
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
    return this.text.slice(start - this.base, this.valueEnd(start, lineEnd) - this.base)
  }

  private readCoding(from: number, lineEnd: number): void {
    const start = this.valueStart(from, lineEnd)
    const end = this.valueEnd(start, lineEnd)
    this.isChunked = end - start >= chunked.length && isName(this.bytes, end - chunked.length, chunked)
    this.hasOtherCoding = !this.isChunked && !isName(this.bytes, start, identity)
  }

  private readLength(from: number, lineEnd: number): void {
    const start = this.valueStart(from, lineEnd)
    let length = parseLength(this.bytes, start, this.valueEnd(start, lineEnd))
    if (length === badLength) length = listedLength(this.value(from, lineEnd))
    // Another value than before is an attempt to smuggle.
    const contradicts = this.contentLength !== noLength && this.contentLength !== length
    this.contentLength = contradicts ? badLength : length
  }

  private readTraceparent(from: number, lineEnd: number, message: L7Message): void {
    const start = this.valueStart(from, lineEnd)
    if (!isTraceparent(this.bytes, start, this.valueEnd(start, lineEnd))) return
    takeTraceparent(this.text, start - this.base, message)
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
