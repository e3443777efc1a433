// Do these bytes begin a SOME/IP message? The header has few fixed bits, so that its length must agree with what follows too:
// the end of the datagram, or another header.

import { Evidence } from "../Protocol.ts"
import {
  countedHeaderBytes,
  headerBytes,
  isCookie,
  isHeader,
  lengthOf,
  MessageType,
  segmented,
} from "./header.ts"

const lookahead = 64

const senderOf = (type: number): Evidence =>
  (type & ~segmented) === MessageType.request || (type & ~segmented) === MessageType.requestNoReturn
    ? Evidence.request
    : Evidence.response

/** A datagram holds whole messages, and nothing else. */
export const detectSomeIpDatagram = (bytes: Uint8Array, start: number, end: number): Evidence => {
  if (end - start < headerBytes || !isHeader(bytes, start)) return Evidence.none
  const next = start + countedHeaderBytes + lengthOf(bytes, start)
  if (next > end || (next < end && next + headerBytes > end)) return Evidence.none
  if (next < end && next + headerBytes <= start + lookahead && !isHeader(bytes, next)) return Evidence.none
  return senderOf(bytes[start + 14])
}

/** A segment or system call: one message, or several, of which the last may go on in the next. */
export const detectSomeIpStream = (bytes: Uint8Array, start: number, end: number): Evidence => {
  if (end - start < headerBytes) return Evidence.none
  if (!isHeader(bytes, start)) return Evidence.none
  // Where a server also speaks first its notifications do; clients begin with a request or a cookie.
  if (isCookie(bytes, start))
    return bytes[start + 14] === MessageType.requestNoReturn ? Evidence.request : Evidence.response
  const next = start + countedHeaderBytes + lengthOf(bytes, start)
  if (next === end) return senderOf(bytes[start + 14])
  // Without its end in sight one header is not enough to be sure of.
  if (next > end) return Evidence.unclear
  if (next + headerBytes > Math.min(end, start + lookahead)) return Evidence.unclear
  return isHeader(bytes, next) ? senderOf(bytes[start + 14]) : Evidence.none
}

/** Weaker, for a connection known to be SOME/IP. */
export const mayBeginMessage = (bytes: Uint8Array, start: number, end: number): boolean =>
  end - start >= headerBytes && isHeader(bytes, start)
