// Does a run of bytes begin a TLS handshake? A record that holds a ClientHello or ServerHello, with lengths that agree. What comes
// later in a connection is not recognised: there is nothing to learn from it.

import { Evidence } from "../Protocol.ts"

export const RecordKind = { changeCipher: 20, alert: 21, handshake: 22, data: 23 } as const
export const HandshakeKind = { clientHello: 1, serverHello: 2, certificate: 11 } as const

export const recordHeaderBytes = 5
/** Of the plaintext 2^14, and what encryption may add. */
export const maxRecord = 16_384 + 2_048

/** Is there a record's header at `at`? Five bytes must be there. */
export const isRecordHeader = (bytes: Uint8Array, at: number): boolean => {
  const kind = bytes[at]
  const length = (bytes[at + 3] << 8) | bytes[at + 4]
  return (
    kind >= RecordKind.changeCipher &&
    kind <= RecordKind.data &&
    bytes[at + 1] === 3 &&
    bytes[at + 2] <= 4 &&
    length > 0 &&
    length <= maxRecord
  )
}

/** The shortest hello: version, random, an empty session id, and a cipher of two bytes. */
const minHello = 2 + 32 + 1 + 2

export const detectTls = (bytes: Uint8Array, start: number, end: number): Evidence => {
  if (end - start < recordHeaderBytes) {
    const isPossible = bytes[start] === RecordKind.handshake && (end - start < 2 || bytes[start + 1] === 3)
    return isPossible ? Evidence.unclear : Evidence.none
  }
  if (!isRecordHeader(bytes, start) || bytes[start] !== RecordKind.handshake) return Evidence.none
  if (end - start === recordHeaderBytes) return Evidence.unclear
  const kind = bytes[start + 5]
  if (kind !== HandshakeKind.clientHello && kind !== HandshakeKind.serverHello) return Evidence.none
  if (end - start < 11) return Evidence.unclear
  const recordLength = (bytes[start + 3] << 8) | bytes[start + 4]
  const length = (bytes[start + 6] << 16) | (bytes[start + 7] << 8) | bytes[start + 8]
  if (length < minHello || length > 65_536 || bytes[start + 9] !== 3 || bytes[start + 10] > 3)
    return Evidence.none
  // A ClientHello fills its record, or records; a ServerHello may be followed by other messages.
  if (kind === HandshakeKind.clientHello) return length + 4 >= recordLength ? Evidence.request : Evidence.none
  return Evidence.response
}
