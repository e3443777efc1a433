// Reads the identity of a trace from the headers of the known tracing systems into a message. Values come from the network:
// what does not have its system's form is ignored. Where several systems speak, the better-ranked one is kept.

import { Buffer } from "node:buffer"
import type { L7Message } from "../../model/L7Session.ts"

/** Ranks of the sources, best first; 0 means nothing was found yet. */
export const TraceRank = { none: 0, uber: 1, b3: 2, sw8: 3, traceparent: 4 } as const

const maxIdLength = 256

/** 1 for the digits 1-9 and a-f in any case, 0 for 0, else 2: what was seen of several is told from their sum by bits. */
const hexClass = Uint8Array.from({ length: 256 }, (_, c) => {
  if (c === 48) return 0
  return (c > 48 && c <= 57) || ((c | 32) >= 97 && (c | 32) <= 102) ? 1 : 2
})
const notZeros = 1

/** All of text[start, end) is hexadecimal and not all of it zeros. */
const isHexId = (text: string, start: number, end: number): boolean => {
  let seen = 0
  for (let i = start; i < end; i++) seen |= hexClass[text.charCodeAt(i) & 0xff]
  return seen === notZeros
}

/** The same of bytes. */
const areHexId = (bytes: Uint8Array, start: number, end: number): boolean => {
  let seen = 0
  for (let i = start; i < end; i++) seen |= hexClass[bytes[i]]
  return seen === notZeros
}

const decodeBase64 = (text: string): string => {
  const decoded = Buffer.from(text, "base64").toString("utf8")
  return decoded.length <= maxIdLength ? decoded : ""
}

/** Bytes version-traceid-parentid-flags, and where the two identities stand in it. */
const traceparentLength = 55
const traceAt = 3
const spanAt = 36
const spanEnd = 52
const minus = 45
const letterF = 102

/** bytes[start, end) are a W3C Trace Context: looked at in place, one comes with every request. */
export const isTraceparent = (bytes: Uint8Array, start: number, end: number): boolean => {
  const length = end - start
  if (length < traceparentLength || bytes[start + 2] !== minus) return false
  if (bytes[start + spanAt - 1] !== minus || bytes[start + spanEnd] !== minus) return false
  if (!areHexId(bytes, start + traceAt, start + spanAt - 1)) return false
  if (!areHexId(bytes, start + spanAt, start + spanEnd)) return false
  const first = bytes[start]
  const second = bytes[start + 1]
  if (first === letterF && second === letterF) return false
  return length === traceparentLength || first !== 48 || second !== 48
}

/** Takes the identities from a text whose characters from `start` on are such bytes. */
export const takeTraceparent = (text: string, start: number, message: L7Message): void => {
  message.traceId = text.slice(start + traceAt, start + spanAt - 1)
  message.spanId = text.slice(start + spanAt, start + spanEnd)
}

const scratch = new Uint8Array(traceparentLength + 1)

export const readTraceparent = (value: string, message: L7Message): boolean => {
  const length = Math.min(value.length, scratch.length)
  for (let i = 0; i < length; i++) scratch[i] = value.charCodeAt(i)
  if (!isTraceparent(scratch, 0, length)) return false
  takeTraceparent(value, 0, message)
  return true
}

/** SkyWalking 3: sample-base64(trace)-base64(segment)-span-... ; the span id is `segment-span`, as DeepFlow writes it. */
export const readSw8 = (value: string, message: L7Message): boolean => {
  const traceAt = value.indexOf("-") + 1
  const segmentAt = value.indexOf("-", traceAt) + 1
  const spanAt = value.indexOf("-", segmentAt) + 1
  if (traceAt === 0 || segmentAt === 0 || spanAt === 0) return false
  const spanEnd = value.indexOf("-", spanAt)
  const span = value.slice(spanAt, spanEnd < 0 ? value.length : spanEnd)
  const traceId = decodeBase64(value.slice(traceAt, segmentAt - 1))
  if (traceId === "" || span.length > 20) return false
  message.traceId = traceId
  message.spanId = `${decodeBase64(value.slice(segmentAt, spanAt - 1))}-${span}`
  return true
}

/** Zipkin's single header: trace-span[-sampled[-parent]]. */
export const readB3 = (value: string, message: L7Message): boolean => {
  const spanAt = value.indexOf("-") + 1
  if ((spanAt !== 17 && spanAt !== 33) || !isHexId(value, 0, spanAt - 1)) return false
  if (value.length < spanAt + 16 || !isHexId(value, spanAt, spanAt + 16)) return false
  message.traceId = value.slice(0, spanAt - 1)
  message.spanId = value.slice(spanAt, spanAt + 16)
  const parentAt = spanAt + 19
  message.parentSpanId = isHexId(value, parentAt, parentAt + 16) ? value.slice(parentAt, parentAt + 16) : ""
  return true
}

/** Jaeger: trace:span:parent:flags, each in hexadecimal, leading zeros optional. */
export const readUber = (value: string, message: L7Message): boolean => {
  // Some clients percent-encode the colons.
  const text = value.includes("%3") ? value.replaceAll("%3A", ":").replaceAll("%3a", ":") : value
  const spanAt = text.indexOf(":") + 1
  const parentAt = text.indexOf(":", spanAt) + 1
  const flagsAt = text.indexOf(":", parentAt) + 1
  if (spanAt < 2 || spanAt > 33 || parentAt - spanAt < 2 || parentAt - spanAt > 17 || flagsAt === 0)
    return false
  if (!isHexId(text, 0, spanAt - 1) || !isHexId(text, spanAt, parentAt - 1)) return false
  message.traceId = text.slice(0, spanAt - 1)
  message.spanId = text.slice(spanAt, parentAt - 1)
  const parent = text.slice(parentAt, flagsAt - 1)
  message.parentSpanId = parent.length <= 16 && isHexId(parent, 0, parent.length) ? parent : ""
  return true
}

/** A single identifier as one header's whole value (x-b3-traceid, x-b3-spanid). */
export const isSpanId = (value: string): boolean =>
  (value.length === 16 || value.length === 32) && isHexId(value, 0, value.length)
