// Reads a query packet: the client's data with its trace, settings, the statement, parameters.

import { Buffer } from "node:buffer"
import type { ByteStream, Reading } from "../streamed/ByteStream.ts"
import { assumedRevision, maxRevision, minRevision, Revision } from "./revisions.ts"

export interface Query {
  id: string
  user: string
  clientName: string
  traceId: string
  spanId: string
  isCompressed: boolean
  settings: Array<string>
  /** Good until the next value is read. */
  statement: Uint8Array
  isStatementCut: boolean
}

const maxStatementBytes = 4096
const maxText = 2 ** 31
const maxSettings = 256
const maxRoles = 1024
/** Settings that are shown. */
const maxShown = 16

const Interface = { tcp: 1, http: 2 } as const

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex")

/** Passes over a text, or returns false when its length is none. */
export function* passText(stream: ByteStream): Reading<boolean> {
  const length = yield* stream.varint()
  if (length > maxText) return false
  yield* stream.pass(length)
  return true
}

/** A short text; undefined when its length is none. */
export function* shortText(stream: ByteStream): Reading<string | undefined> {
  const length = yield* stream.varint()
  return length > maxText ? undefined : yield* stream.name(length)
}

/** 16 and 8 bytes, of which each eight are a number with its lowest byte first. */
function* readTrace(stream: ByteStream, isSwapped: boolean, query: Query): Reading<boolean> {
  const high = hex((yield* stream.take(8, 8)).toReversed())
  const low = hex((yield* stream.take(8, 8)).toReversed())
  query.traceId = isSwapped ? low + high : high + low
  query.spanId = hex((yield* stream.take(8, 8)).toReversed())
  if (!(yield* passText(stream))) return false
  yield* stream.pass(1)
  return true
}

/**
 * `known`: the revision that both sides agreed on, 0 when one of their hellos was not seen; `ofServer`: that of the server alone, or
 * 0. Returns the revision, or -1 when this is no query.
 */
export function* readQuery(
  stream: ByteStream,
  known: number,
  ofServer: number,
  query: Query,
): Reading<number> {
  let revision = known === 0 ? assumedRevision : known
  query.id = (yield* shortText(stream)) ?? ""
  if (revision >= Revision.clientInfo) {
    const kind = yield* stream.u8()
    if (kind > 2) return -1
    if (kind > 0) {
      revision = yield* readClient(stream, revision, known === 0, ofServer, query)
      if (revision < 0) return -1
    }
  }
  if (!(yield* readSettings(stream, revision, query))) return -1
  if (revision >= Revision.externalRoles && !(yield* passText(stream))) return -1
  if (revision >= Revision.interserverSecret && !(yield* passText(stream))) return -1
  const stage = yield* stream.varint()
  const compression = yield* stream.varint()
  if (stage > 16 || compression > 1) return -1
  query.isCompressed = compression === 1
  const length = yield* stream.varint()
  if (length > maxText) return -1
  query.statement = yield* stream.take(length, maxStatementBytes)
  query.isStatementCut = stream.isCut
  return revision
}

function* readClient(
  stream: ByteStream,
  known: number,
  isAssumed: boolean,
  ofServer: number,
  query: Query,
): Reading<number> {
  let revision = known
  query.user = (yield* shortText(stream)) ?? ""
  if (!(yield* passText(stream)) || !(yield* passText(stream))) return -1
  if (revision >= Revision.startTime) yield* stream.pass(8)
  const type = yield* stream.u8()
  let isSwapped = false
  if (type === Interface.tcp) {
    if (!(yield* passText(stream)) || !(yield* passText(stream))) return -1
    query.clientName = (yield* shortText(stream)) ?? ""
    const major = yield* stream.varint()
    const minor = yield* stream.varint()
    const own = yield* stream.varint()
    if (own < minRevision || own > maxRevision) return -1
    if (isAssumed) revision = ofServer === 0 ? own : Math.min(own, ofServer)
    // Python's clickhouse-driver, which has this version for ever, sends the halves of the trace id the other way round.
    isSwapped = major === 20 && minor === 10 && own > Revision.openTelemetry
  } else if (type === Interface.http) {
    // Nothing tells the revision then.
    if (isAssumed) return -1
    yield* stream.pass(1)
    if (!(yield* passText(stream))) return -1
    if (revision >= Revision.forwardedFor && !(yield* passText(stream))) return -1
    if (revision >= Revision.referer && !(yield* passText(stream))) return -1
  }
  if (revision >= Revision.quotaKey && !(yield* passText(stream))) return -1
  if (revision >= Revision.distributedDepth) yield* stream.varint()
  if (type === Interface.tcp && revision >= Revision.versionPatch) yield* stream.varint()
  if (revision >= Revision.openTelemetry) {
    const hasTrace = yield* stream.u8()
    if (hasTrace > 1 || (hasTrace === 1 && !(yield* readTrace(stream, isSwapped, query)))) return -1
  }
  if (revision >= Revision.parallelReplicas) for (let i = 0; i < 3; i++) yield* stream.varint()
  if (revision >= Revision.lineNumbers) for (let i = 0; i < 2; i++) yield* stream.varint()
  if (revision >= Revision.jwt && (yield* stream.u8()) === 1 && !(yield* passText(stream))) return -1
  if (revision >= Revision.clientAgent && !(yield* passText(stream))) return -1
  if (revision >= Revision.internalQuery) yield* stream.u8()
  if (revision >= Revision.currentRoles && (yield* stream.u8()) === 1) {
    const roles = yield* stream.varint()
    if (roles > maxRoles) return -1
    for (let i = 0; i < roles; i++) if (!(yield* passText(stream))) return -1
  }
  return revision
}

/** Names, flags and values up to an empty name; of older revisions only an empty list can be read. */
function* readSettings(stream: ByteStream, revision: number, query: Query): Reading<boolean> {
  for (let i = 0; i < maxSettings; i++) {
    const name = yield* shortText(stream)
    if (name === undefined) return false
    if (name === "") return true
    if (revision < Revision.settingsAsStrings) return false
    yield* stream.varint()
    const value = yield* shortText(stream)
    if (value === undefined) return false
    if (query.settings.length < 2 * maxShown) query.settings.push(name, value)
  }
  return false
}

/** What stands behind the statement: parameters, which are settings too and whose values are never shown. */
export function* passParameters(stream: ByteStream, revision: number): Reading<boolean> {
  if (revision < Revision.parameters) return true
  for (let i = 0; i < maxSettings; i++) {
    const length = yield* stream.varint()
    if (length === 0) return true
    if (length > maxText) return false
    yield* stream.pass(length)
    yield* stream.varint()
    if (!(yield* passText(stream))) return false
  }
  return false
}
