// Does a run of bytes begin with a TNS packet? Strong signs are CONNECT and its answers, and data packets with a call.

import { u16At } from "../framed/ByteReader.ts"
import { Evidence } from "../Protocol.ts"
import { callAt, callName, Kind } from "./calls.ts"
import { headerLength, isVersion, packetLength, PacketType } from "./packets.ts"

const lookahead = 64
const dataAt = headerLength + 2

export const detectOracle = (bytes: Uint8Array, start: number, end: number): Evidence => {
  const stop = Math.min(end, start + lookahead)
  if (stop <= start) return Evidence.unclear
  // No packet of a beginning conversation is as long.
  if (bytes[start] !== 0 && bytes[start] > 0x20) return Evidence.none
  if (stop - start < headerLength + 4) return stop - start < headerLength ? Evidence.unclear : Evidence.none
  const type = bytes[start + 4]
  const at = start + headerLength
  const isRequest = packetLength(bytes, start, true)
  const length = isRequest > 0 ? isRequest : packetLength(bytes, start, false)
  if (length < 0 || start + length > end + 65_536) return Evidence.none
  switch (type) {
    case PacketType.connect:
      return length >= 58 && isVersion(u16At(bytes, at)) && u16At(bytes, at + 2) <= u16At(bytes, at)
        ? Evidence.request
        : Evidence.none
    case PacketType.accept:
      return length >= 24 && start + length === end && isVersion(u16At(bytes, at))
        ? Evidence.response
        : Evidence.none
    case PacketType.data:
      return detectData(bytes, start, stop, start + length === end)
    default:
      return Evidence.none
  }
}

const detectData = (bytes: Uint8Array, start: number, stop: number, isAlone: boolean): Evidence => {
  const at = start + dataAt
  if (!isAlone || bytes[start + 5] !== 0 || at + 3 > stop) return Evidence.none
  const kind = bytes[at]
  if (kind !== Kind.call && kind !== Kind.piggyback) return Evidence.unclear
  if (callName(bytes[at + 1]) === undefined) return Evidence.none
  return kind === Kind.call || callAt(bytes, at, stop) > 0 ? Evidence.request : Evidence.unclear
}
