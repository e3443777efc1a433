// Does a run of bytes begin an HTTP/1.x message? Used to recognise connections and to find the way back after a loss.

import { Evidence } from "../Protocol.ts"

const methods = [
  "GET", "POST", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH", "CONNECT", "TRACE",
  "PROPFIND", "PROPPATCH", "MKCOL", "COPY", "MOVE", "LOCK", "UNLOCK", "SEARCH", "REPORT", "PURGE", "MERGE",
  "NOTIFY", "SUBSCRIBE", "UNSUBSCRIBE", "MKACTIVITY", "CHECKOUT", "MKCALENDAR", "LINK", "UNLINK", "QUERY", "M-SEARCH",
] // prettier-ignore

/** Methods as byte codes, by their first byte: the test of most bytes ends after one look. */
const methodsByFirst: Array<Array<Uint8Array>> = Array.from({ length: 128 }, () => [])
for (const method of methods) {
  methodsByFirst[method.charCodeAt(0)]?.push(Uint8Array.from(`${method} `, (c) => c.charCodeAt(0)))
}

const statusStart = Uint8Array.from("HTTP/1.", (c) => c.charCodeAt(0))
const versionMark = Uint8Array.from(" HTTP/1.", (c) => c.charCodeAt(0))
const lookahead = 64

/** How far bytes[start, end) agree with `pattern`: its length when all of it, -1 when they differ, else the bytes there are. */
const agree = (pattern: Uint8Array, bytes: Uint8Array, start: number, end: number): number => {
  const length = Math.min(pattern.length, end - start)
  for (let i = 0; i < length; i++) {
    if (bytes[start + i] !== pattern[i]) return -1
  }
  return length
}

const isDigit = (c: number): boolean => c >= 48 && c <= 57

const detectResponse = (bytes: Uint8Array, start: number, end: number): Evidence => {
  const common = agree(statusStart, bytes, start, end)
  if (common < 0) return Evidence.none
  if (end - start < 12) return Evidence.unclear
  const valid =
    isDigit(bytes[start + 7]) &&
    bytes[start + 8] === 32 &&
    bytes[start + 9] >= 49 &&
    bytes[start + 9] <= 57 &&
    isDigit(bytes[start + 10]) &&
    isDigit(bytes[start + 11])
  return valid ? Evidence.response : Evidence.none
}

/** Whether the request line that ends before `lineEnd` (at its LF) ends in a version of HTTP/1. */
const endsInVersion = (bytes: Uint8Array, targetAt: number, lineEnd: number): boolean => {
  const stop = bytes[lineEnd - 1] === 13 ? lineEnd - 1 : lineEnd
  return stop - 9 > targetAt && agree(versionMark, bytes, stop - 9, stop) === 8 && isDigit(bytes[stop - 1])
}

const detectRequest = (bytes: Uint8Array, start: number, end: number): Evidence => {
  const candidates = methodsByFirst[bytes[start]]
  if (candidates === undefined) return Evidence.none
  for (const method of candidates) {
    const common = agree(method, bytes, start, end)
    if (common < 0) continue
    if (common < method.length || start + common >= end) return Evidence.unclear
    const targetAt = start + common
    const first = bytes[targetAt]
    const isConnect = method.length === 8 && method[0] === 67 && method[3] === 78
    const isTarget = first === 47 || first === 42 || (first | 32) === 104 || isConnect
    if (!isTarget) return Evidence.none
    for (let i = targetAt; i < end; i++) {
      const c = bytes[i]
      if (c === 10) return endsInVersion(bytes, targetAt, i) ? Evidence.request : Evidence.none
      if (c < 32 && c !== 13) return Evidence.none
    }
    return Evidence.request
  }
  return Evidence.none
}

export const detectHttp1 = (bytes: Uint8Array, start: number, end: number): Evidence => {
  const stop = Math.min(end, start + lookahead)
  if (stop <= start) return Evidence.unclear
  if (bytes[start] === 72) {
    const response = detectResponse(bytes, start, stop)
    if (response !== Evidence.none) return response
  }
  return detectRequest(bytes, start, stop)
}
