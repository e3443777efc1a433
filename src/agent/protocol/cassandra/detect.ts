// Does a run of bytes begin with a CQL message, or with a frame of version 5 around one?

import { u16At, u32At } from "../framed/ByteReader.ts"
import { Evidence } from "../Protocol.ts"
import { envelopeLength, headerLength, Opcode, type OuterFrame, outerLength } from "./envelope.ts"

const lookahead = 64
const maxOptions = 16
const maxKind = 5

const frame: OuterFrame = { headerLength: 0, payloadLength: 0, textLength: 0 }

const isLetter = (c: number): boolean => (c | 32) >= 97 && (c | 32) <= 122

/** What a body must begin with; `length` is that of the body, of which bytes up to `stop` are there. */
const fits = (bytes: Uint8Array, at: number, stop: number, opcode: number, length: number): boolean => {
  if (opcode === Opcode.options || opcode === Opcode.ready) return length === 0
  if (at + 7 > stop) return false
  switch (opcode) {
    case Opcode.startup:
    case Opcode.supported: {
      const options = u16At(bytes, at)
      return options > 0 && options <= maxOptions && u16At(bytes, at + 2) < 64 && isLetter(bytes[at + 4])
    }
    case Opcode.query:
    case Opcode.prepare: {
      const size = u32At(bytes, at)
      return size > 2 && size + 4 <= length && bytes[at + 4] < 0x80 && bytes[at + 4] >= 9
    }
    case Opcode.execute:
      return u16At(bytes, at) === 16 && length > 20
    case Opcode.result: {
      const kind = u32At(bytes, at)
      return kind >= 1 && kind <= maxKind
    }
    case Opcode.error:
      return u32At(bytes, at) <= 0x2500 && u16At(bytes, at + 4) + 6 <= length
    case Opcode.register:
    case Opcode.event:
      return isLetter(bytes[at + 2])
    default:
      return false
  }
}

const detectEnvelope = (bytes: Uint8Array, start: number, stop: number, end: number): Evidence => {
  const isRequest = bytes[start] < 0x80
  const length = envelopeLength(bytes, start, isRequest)
  if (length < 0) return Evidence.none
  const strong = isRequest ? Evidence.request : Evidence.response
  const isAlone = start + length === end
  const opcode = bytes[start + 4]
  // What stands before the body in answers, or compresses it, hides how it begins.
  if (bytes[start + 1] !== 0) return isAlone && length > headerLength ? strong : Evidence.unclear
  if (opcode === Opcode.result && length === headerLength + 4 && isAlone)
    return u32At(bytes, start + headerLength) === 1 ? strong : Evidence.none
  if (!fits(bytes, start + headerLength, stop, opcode, length - headerLength)) return Evidence.none
  // Nothing but a header is little.
  if (length === headerLength) return isAlone ? strong : Evidence.unclear
  return strong
}

export const detectCassandra = (bytes: Uint8Array, start: number, end: number): Evidence => {
  const stop = Math.min(end, start + lookahead)
  if (stop <= start) return Evidence.unclear
  const version = bytes[start] & 0x7f
  if (stop - start < headerLength) return version >= 3 && version <= 5 ? Evidence.unclear : Evidence.none
  if (version >= 3 && version <= 5) {
    const evidence = detectEnvelope(bytes, start, stop, end)
    if (evidence !== Evidence.none) return evidence
  }
  if (outerLength(bytes, start, frame) < 0) return Evidence.none
  const at = start + frame.headerLength
  if (frame.textLength > 0 || at + headerLength > stop) return Evidence.unclear
  if (envelopeLength(bytes, at, true) > 0) return Evidence.request
  return envelopeLength(bytes, at, false) > 0 ? Evidence.response : Evidence.unclear
}
