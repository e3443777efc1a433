// Does a run of bytes begin with a Kafka request? Responses begin with a length and a number that only their request explains.

import { isPrintable, u16At, u32At } from "../framed/ByteReader.ts"
import { Evidence } from "../Protocol.ts"
import { Api, isKnownCall } from "./apiKeys.ts"

const lookahead = 64
/** Size, key, version, correlation id, length of the client id. */
export const requestHead = 14
/** Kafka's own default limit of a request (socket.request.max.bytes). */
export const maxRequest = 104_857_600
/** The same of a response: fetch.max.bytes and what is around it, with room. */
export const maxResponse = 0x1000_0000
const maxClientId = 255

const isRequestHead = (bytes: Uint8Array, at: number): boolean => {
  const length = u32At(bytes, at)
  if (length < requestHead - 4 || length > maxRequest || bytes[at + 8] >= 0x80) return false
  if (!isKnownCall(u16At(bytes, at + 4), u16At(bytes, at + 6))) return false
  const clientId = u16At(bytes, at + 12)
  return clientId === 0xffff || (clientId <= maxClientId && clientId <= length - 10)
}

/** Whether a request may begin here, as far as its head says; bytes of the client id beyond `end` are not looked at. */
export const mayBeRequest = (bytes: Uint8Array, at: number, end: number): boolean => {
  if (!isRequestHead(bytes, at)) return false
  const clientId = u16At(bytes, at + 12)
  if (clientId === 0xffff) return true
  return isPrintable(bytes, at + requestHead, Math.min(end, at + requestHead + clientId))
}

export const detectKafka = (bytes: Uint8Array, start: number, end: number): Evidence => {
  const stop = Math.min(end, start + lookahead)
  if (stop <= start) return Evidence.unclear
  if (stop - start < requestHead) {
    // The size of what begins a conversation is small, and keys and versions are below 256.
    for (const offset of [0, 4, 6]) {
      if (start + offset < stop && bytes[start + offset] !== 0) return Evidence.none
    }
    return Evidence.unclear
  }
  if (!mayBeRequest(bytes, start, stop)) return Evidence.none
  const clientId = u16At(bytes, start + 12)
  if (clientId > 0 && clientId !== 0xffff) {
    // A name that is whole within the bytes at hand, or nearly all of them.
    return stop - start >= requestHead + Math.min(clientId, 8) ? Evidence.request : Evidence.unclear
  }
  // Without a client's name only the calls that begin a conversation are recognised, when they are whole.
  const key = u16At(bytes, start + 4)
  const isOpening = key === Api.apiVersions || key === Api.metadata
  return isOpening && u32At(bytes, start) + 4 === end - start ? Evidence.request : Evidence.unclear
}
