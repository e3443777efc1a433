// Are these bytes the start of a DNS message? A header with sane flags and counts, and a first name with sane labels: by chance
// about one in 10^9. Over TCP its length precedes it.

import { Evidence } from "../Protocol.ts"

const lookahead = 64
const headerBytes = 12
/** A header, the root's name, type and class. */
const minQuestion = headerBytes + 5

const uint16 = (bytes: Uint8Array, at: number): number => (bytes[at] << 8) | bytes[at + 1]

/** Internet, Chaos, Hesiod, none, any; the upper bit is multicast DNS's. */
const isClass = (value: number): boolean => {
  const low = value & 0x7fff
  return low === 1 || low === 3 || low === 4 || low === 254 || low === 255
}

const isAssignedKind = (value: number): boolean => (value > 0 && value < 110) || (value > 248 && value < 263)

/** Checks name, type and class as far as they can be seen; `end` may cut them when `isCut`. */
const isQuestion = (bytes: Uint8Array, from: number, end: number, isCut: boolean): boolean => {
  let at = from
  let labels = 0
  while (at < end && bytes[at] !== 0) {
    const size = bytes[at]
    if (size > 63) return false
    const stop = Math.min(end, at + 1 + size)
    for (let i = at + 1; i < stop; i++) if (bytes[i] < 32 || bytes[i] === 127) return false
    at += 1 + size
    labels++
  }
  if (at + 5 > end) return isCut && labels > 0
  return isAssignedKind(uint16(bytes, at + 1)) && isClass(uint16(bytes, at + 3))
}

/** `bytes[start, end)` is what can be seen of a message; `isCut` when it goes on. */
const detectMessage = (bytes: Uint8Array, start: number, end: number, isCut: boolean): Evidence => {
  if (end - start < minQuestion) return Evidence.none
  const flags = uint16(bytes, start + 2)
  const isResponse = flags >= 0x8000
  const opcode = (flags >> 11) & 15
  // Bit 6 is reserved. Nothing but queries, notifications and updates is in use.
  if ((opcode !== 0 && opcode !== 4 && opcode !== 5) || (flags & 0x40) !== 0) return Evidence.none
  const questions = uint16(bytes, start + 4)
  const answers = uint16(bytes, start + 6)
  const authorities = uint16(bytes, start + 8)
  const additional = uint16(bytes, start + 10)
  const isMulticast = uint16(bytes, start) === 0
  if (additional > 64 || authorities > 64 || questions > (isMulticast ? 64 : 1)) return Evidence.none
  if (!isResponse) {
    // Recursion available, and a code, are for responses.
    if ((flags & 0x8f) !== 0 || questions === 0) return Evidence.none
    if (!isMulticast && opcode === 0 && (answers > 0 || authorities > 1 || additional > 3))
      return Evidence.none
  } else if (questions === 0 && (!isMulticast || answers === 0 || (flags & 0x400) === 0)) return Evidence.none
  return isQuestion(bytes, start + headerBytes, end, isCut)
    ? isResponse
      ? Evidence.response
      : Evidence.request
    : Evidence.none
}

/** A datagram. */
export const detectDnsDatagram = (bytes: Uint8Array, start: number, end: number): Evidence =>
  detectMessage(bytes, start, Math.min(end, start + lookahead), end - start > lookahead)

/** A message over TCP: some clients send its length alone. */
export const detectDnsStream = (bytes: Uint8Array, start: number, end: number): Evidence => {
  if (end - start < 2) return Evidence.unclear
  const length = uint16(bytes, start)
  if (length < minQuestion) return Evidence.none
  const available = end - start - 2
  if (available === 0) return length <= 1_232 ? Evidence.unclear : Evidence.none
  // The whole message, or as much as a segment or capture gives of it.
  if (available < Math.min(length, lookahead - 2)) return Evidence.none
  const stop = start + 2 + Math.min(length, lookahead - 2)
  return detectMessage(bytes, start + 2, stop, length > lookahead - 2)
}
