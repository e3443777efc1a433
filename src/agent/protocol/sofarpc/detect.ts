// Does a run of bytes begin with a Bolt command? The head has no magic number: the class name behind it must be one of Java's,
// and a heartbeat must be alone.

import { Evidence } from "../Protocol.ts"
import { BoltHeader } from "./header.ts"

const lookahead = 64
/** A name of a class in a package. */
const minClassName = 5

const header = new BoltHeader()

const isNameByte = (c: number): boolean =>
  (c >= 97 && c <= 122) || (c >= 65 && c <= 90) || (c >= 48 && c <= 57) || c === 46 || c === 36 || c === 95

const isClassName = (bytes: Uint8Array, start: number, end: number): boolean => {
  for (let i = start; i < end; i++) {
    if (!isNameByte(bytes[i])) return false
  }
  return true
}

export const detectBolt = (bytes: Uint8Array, start: number, end: number): Evidence => {
  const stop = Math.min(end, start + lookahead)
  const found = header.read(bytes, start, stop)
  if (found <= 0) return found === 0 ? Evidence.unclear : Evidence.none
  const evidence = header.isResponse ? Evidence.response : Evidence.request
  const { classBytes } = header
  if (header.isHeartbeat) {
    if (classBytes + header.headerBytes + header.contentBytes > 0) return Evidence.none
    // Either side may look after the other.
    return header.length === end - start ? Evidence.either : Evidence.unclear
  }
  if (classBytes < minClassName) return classBytes === 0 ? Evidence.unclear : Evidence.none
  const nameAt = start + header.headBytes
  if (!isClassName(bytes, nameAt, Math.min(stop, nameAt + classBytes))) return Evidence.none
  return stop - nameAt >= minClassName ? evidence : Evidence.unclear
}
