// Does a run of bytes begin with FastCGI? Strong signs are the beginning of a request, named parameters, and output that begins with
// a header; output in the middle says too little.

import { u16At } from "../framed/ByteReader.ts"
import { Evidence } from "../Protocol.ts"
import { contentLength, headerLength, mayBeRecord, Type } from "./records.ts"

const lookahead = 64
const maxRole = 3

const isNameByte = (c: number): boolean => (c >= 65 && c <= 90) || (c >= 48 && c <= 57) || c === 95

/** BEGIN_REQUEST with a role, flags and five reserved bytes. */
const isBeginning = (bytes: Uint8Array, at: number): boolean => {
  const role = u16At(bytes, at)
  if (role === 0 || role > maxRole || bytes[at + 2] > 1) return false
  for (let i = at + 3; i < at + 8; i++) if (bytes[i] !== 0) return false
  return true
}

/** A short name of capitals behind two lengths of one byte, or of one and four. */
const isParameter = (bytes: Uint8Array, at: number, stop: number): boolean => {
  if (at + 2 > stop) return false
  const length = bytes[at]
  const nameAt = at + (bytes[at + 1] < 0x80 ? 2 : 5)
  if (length < 3 || length > 40 || nameAt + 3 > stop) return false
  for (let i = nameAt; i < Math.min(stop, nameAt + length); i++) if (!isNameByte(bytes[i])) return false
  return true
}

/** `Name:` of a header. */
const isHeader = (bytes: Uint8Array, at: number, stop: number): boolean => {
  let i = at
  while (i < stop && ((bytes[i] | 32) >= 97 ? (bytes[i] | 32) <= 122 : bytes[i] === 45)) i++
  return i - at >= 3 && i < stop && bytes[i] === 58
}

export const detectFastCgi = (bytes: Uint8Array, start: number, end: number): Evidence => {
  const stop = Math.min(end, start + lookahead)
  if (stop <= start) return Evidence.unclear
  if (bytes[start] !== 1) return Evidence.none
  if (stop - start < 2 * headerLength)
    return stop - start < headerLength && (stop - start < 2 || bytes[start + 1] === Type.beginRequest)
      ? Evidence.unclear
      : Evidence.none
  const at = start + headerLength
  if (bytes[start + 7] !== 0) return Evidence.none
  if (mayBeRecord(bytes, start, true)) {
    if (bytes[start + 1] === Type.beginRequest)
      return isBeginning(bytes, at) ? Evidence.request : Evidence.none
    return bytes[start + 1] === Type.params && isParameter(bytes, at, stop) ? Evidence.request : Evidence.none
  }
  if (!mayBeRecord(bytes, start, false) || bytes[start + 1] !== Type.stdout) return Evidence.none
  return contentLength(bytes, start) > 4 && isHeader(bytes, at, stop) ? Evidence.response : Evidence.none
}
