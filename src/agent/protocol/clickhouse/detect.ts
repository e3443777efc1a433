// Does a run of bytes begin with ClickHouse's native protocol? Strong signs are both hellos, and a query with its client's data.

import { isPrintable } from "../framed/ByteReader.ts"
import { latin1Text } from "../latin1.ts"
import { Evidence } from "../Protocol.ts"
import { ClientPacket } from "./packets.ts"
import { maxRevision, minRevision } from "./revisions.ts"

const lookahead = 64
const maxShort = 0x7f
/** A kind of query: initial, or one that a server sends on. */
const maxKind = 2
const serverName = "ClickHouse"

/** End of the short printable text at `at`; -1 when there is none. A text beyond `stop` ends there. */
const textEnd = (bytes: Uint8Array, at: number, stop: number): number => {
  if (at >= stop || bytes[at] > maxShort) return -1
  const end = Math.min(stop, at + 1 + bytes[at])
  return isPrintable(bytes, at + 1, end) ? end : -1
}

/** Major, minor and revision behind a name. */
const isVersion = (bytes: Uint8Array, at: number, stop: number): boolean => {
  if (at + 5 > stop || bytes[at] > maxShort || bytes[at + 1] > maxShort) return false
  const revision = (bytes[at + 2] & 0x7f) | ((bytes[at + 3] & 0x7f) << 7) | (bytes[at + 4] << 14)
  return (
    revision >= minRevision && revision <= maxRevision && bytes[at + 2] > maxShort && bytes[at + 3] > maxShort
  )
}

const detectHello = (bytes: Uint8Array, start: number, stop: number): Evidence => {
  const nameEnd = textEnd(bytes, start + 1, stop)
  if (nameEnd < 0 || bytes[start + 1] === 0) return Evidence.none
  const name = latin1Text(bytes, start + 2, nameEnd)
  if (nameEnd === stop) return /clickhouse/i.test(name) ? Evidence.unclear : Evidence.none
  if (!isVersion(bytes, nameEnd, stop)) return Evidence.none
  return name === serverName ? Evidence.response : Evidence.request
}

const isHexId = (text: string): boolean =>
  /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/.test(text)

const addressForm = /^(?:\d{1,3}(?:\.\d{1,3}){3}|\[[0-9a-f:.]+\]):\d{1,5}$/

/** Whether a query begins here: its id, its kind, its first user, first id and first address. */
export const isQuery = (bytes: Uint8Array, start: number, end: number): boolean => {
  const stop = Math.min(end, start + 256)
  if (bytes[start] !== ClientPacket.query) return false
  const idEnd = textEnd(bytes, start + 1, stop)
  if (idEnd < 0 || idEnd >= stop || bytes[idEnd] === 0 || bytes[idEnd] > maxKind) return false
  const userEnd = textEnd(bytes, idEnd + 1, stop)
  if (userEnd < 0 || userEnd >= stop) return false
  const firstIdEnd = textEnd(bytes, userEnd, stop)
  if (firstIdEnd < 0) return false
  // Two ids fill all that is looked at: one of the usual form is enough.
  if (firstIdEnd === stop) return isHexId(latin1Text(bytes, start + 2, idEnd))
  const addressEnd = textEnd(bytes, firstIdEnd, stop)
  return addressEnd > 0 && addressForm.test(latin1Text(bytes, firstIdEnd + 1, addressEnd))
}

/** What a client without a quota key sends behind the server's hello, an empty text, with its first query. */
export const isAddendum = (bytes: Uint8Array, start: number, end: number): boolean =>
  bytes[start] === 0 && start + 1 < end && isQuery(bytes, start + 1, end)

export const detectClickHouse = (bytes: Uint8Array, start: number, end: number): Evidence => {
  const stop = Math.min(end, start + lookahead)
  if (stop <= start) return Evidence.unclear
  if (isAddendum(bytes, start, stop)) return Evidence.request
  if (bytes[start] === ClientPacket.hello) return detectHello(bytes, start, stop)
  return isQuery(bytes, start, stop) ? Evidence.request : Evidence.none
}
