// Whether two rows saw the same call: one request on one connection, seen at two places. The bytes are the same, so nothing that
// both rows tell of them may differ.

import { L7Protocol } from "../../../model/protocol.ts"
import type { SpanRow } from "../SpanRow.ts"

/** The same request reaches all places within this time, clocks that are wrong included, where ids tell that it is the same. */
const farthestUs = 3_600e6
/** Sequence numbers of one half only, ids of 16 bits: they come again. */
const nearUs = 60e6
/** Without any number that tells: what clocks of two hosts may differ, and none on one host. */
const otherHostUs = 10_000

const families = new Map<number, number>([
  [L7Protocol.grpc, L7Protocol.http2],
  [L7Protocol.triple, L7Protocol.http2],
])

/** Places that see less of a connection take gRPC for HTTP/2. */
const family = (protocol: number): number => families.get(protocol) ?? protocol

const differs = (a: string, b: string): boolean => a !== "" && b !== "" && a !== b

const isContradicted = (a: SpanRow, b: SpanRow): boolean =>
  a.transport !== b.transport ||
  family(a.l7Protocol) !== family(b.l7Protocol) ||
  differs(a.requestType, b.requestType) ||
  differs(a.requestId, b.requestId) ||
  differs(a.xRequestId0, b.xRequestId0) ||
  differs(a.xRequestId1, b.xRequestId1) ||
  differs(a.traceId, b.traceId) ||
  differs(a.spanId, b.spanId)

/** The work of one is going on while that of the other is. */
const isAtOnce = (a: SpanRow, b: SpanRow): boolean => {
  const slackUs = a.agent === b.agent ? 0 : otherHostUs
  return a.startUs <= b.endUs + slackUs && b.startUs <= a.endUs + slackUs
}

export const hasSameEnds = (a: SpanRow, b: SpanRow): boolean =>
  a.clientPort === b.clientPort &&
  a.serverPort === b.serverPort &&
  a.clientIp === b.clientIp &&
  a.serverIp === b.serverIp

/**
 * `ends`: same addresses and sequence numbers; `translated`: both numbers agree, the addresses were changed on the way; `id`: same
 * addresses, and the id on the wire; `connection`: same addresses, time and request.
 */
export type Sameness = "ends" | "translated" | "id" | "connection"

const hasSequence = (row: SpanRow): boolean => row.requestTcpSeq !== 0 || row.responseTcpSeq !== 0

const bySequence = (a: SpanRow, b: SpanRow, apartUs: number): Sameness | undefined => {
  const requests = a.requestTcpSeq !== 0 && b.requestTcpSeq !== 0
  const responses = a.responseTcpSeq !== 0 && b.responseTcpSeq !== 0
  if (!requests && !responses) return undefined
  if (requests && a.requestTcpSeq !== b.requestTcpSeq) return undefined
  if (responses && a.responseTcpSeq !== b.responseTcpSeq) return undefined
  const both = requests && responses
  if (hasSameEnds(a, b)) return apartUs <= (both ? farthestUs : nearUs) ? "ends" : undefined
  return both && apartUs <= nearUs && !differs(a.endpoint, b.endpoint) ? "translated" : undefined
}

/** Undefined: they are of two calls, or nothing tells. */
export const sameCall = (a: SpanRow, b: SpanRow): Sameness | undefined => {
  if (isContradicted(a, b)) return undefined
  const apartUs = Math.abs(a.startUs - b.startUs)
  if (hasSequence(a) || hasSequence(b)) return bySequence(a, b, apartUs)
  if (!hasSameEnds(a, b)) return undefined
  if (a.requestId !== "" && b.requestId !== "") return apartUs <= nearUs ? "id" : undefined
  return isAtOnce(a, b) && a.endpoint === b.endpoint ? "connection" : undefined
}
