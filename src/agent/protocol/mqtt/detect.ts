// Does a run of bytes begin with MQTT packets? CONNECT is unambiguous; on a connection that is older, packets whose parts fit
// together exactly and which are all there is.

import { u16At } from "../framed/ByteReader.ts"
import { Evidence } from "../Protocol.ts"
import { bodyStart, packetLength, PacketType } from "./packets.ts"

const lookahead = 64

const equals = (bytes: Uint8Array, at: number, text: string): boolean => {
  for (let i = 0; i < text.length; i++) {
    if (bytes[at + i] !== text.charCodeAt(i)) return false
  }
  return true
}

/** `MQIsdp` level 3, `MQTT` level 4 or 5; bit 7 of the level marks a bridge. */
const detectConnect = (bytes: Uint8Array, at: number, stop: number): Evidence => {
  if (stop - at < 9) {
    for (let i = at; i < stop; i++) {
      const isPossible = i > at + 1 ? "MQTIsdp".includes(String.fromCharCode(bytes[i])) : true
      if (!isPossible && i < at + 6) return Evidence.none
    }
    return at < stop && bytes[at] !== 0 ? Evidence.none : Evidence.unclear
  }
  const level = (offset: number): number => bytes[at + offset] & 0x7f
  if (u16At(bytes, at) === 4 && equals(bytes, at + 2, "MQTT"))
    return level(6) === 4 || level(6) === 5 ? Evidence.request : Evidence.none
  return u16At(bytes, at) === 6 && equals(bytes, at + 2, "MQIsdp") && level(8) === 3
    ? Evidence.request
    : Evidence.none
}

/** Text of a topic: no control characters; beyond ASCII anything. */
const isTopic = (bytes: Uint8Array, start: number, end: number): boolean => {
  for (let i = start; i < end; i++) {
    if (bytes[i] < 0x20 || bytes[i] === 0x7f) return false
  }
  return true
}

/** Topic filters with an option byte each (SUBSCRIBE) or without, which fill bytes[at, end) exactly. */
const areFilters = (bytes: Uint8Array, start: number, end: number, hasOptions: boolean): boolean => {
  let at = start
  while (at < end) {
    if (end - at < 3) return false
    const length = u16At(bytes, at)
    const next = at + 2 + length
    if (length === 0 || next + (hasOptions ? 1 : 0) > end || !isTopic(bytes, at + 2, next)) return false
    if (hasOptions && (bytes[next] & 3) === 3) return false
    at = next + (hasOptions ? 1 : 0)
  }
  return true
}

const detectSubscribe = (bytes: Uint8Array, at: number, packetEnd: number, hasOptions: boolean): boolean => {
  if (packetEnd - at < 5 || u16At(bytes, at) === 0) return false
  const filters = at + 2
  if (areFilters(bytes, filters, packetEnd, hasOptions)) return true
  // Version 5: short properties before them.
  const properties = bytes[filters]
  return properties < 0x40 && areFilters(bytes, filters + 1 + properties, packetEnd, hasOptions)
}

const detectPublish = (bytes: Uint8Array, at: number, stop: number, packetEnd: number): boolean => {
  if (stop - at < 3) return false
  const length = u16At(bytes, at)
  if (length === 0 || at + 2 + length > packetEnd) return false
  return isTopic(bytes, at + 2, Math.min(stop, at + 2 + length))
}

export const detectMqtt = (bytes: Uint8Array, start: number, end: number): Evidence => {
  const stop = Math.min(end, start + lookahead)
  if (stop <= start) return Evidence.unclear
  const length = packetLength(bytes, start, stop)
  if (length < 0) return Evidence.none
  const type = bytes[start] >> 4
  if (length === 0) return type === PacketType.connect ? Evidence.unclear : Evidence.none
  const at = bodyStart(bytes, start)
  if (type === PacketType.connect) return detectConnect(bytes, at, Math.min(stop, start + length))
  // Everything else is weaker: what is at hand must be exactly this packet.
  if (start + length !== end) return Evidence.none
  switch (type) {
    case PacketType.subscribe:
    case PacketType.unsubscribe:
      if (end > stop) return Evidence.none
      return detectSubscribe(bytes, at, end, type === PacketType.subscribe) ? Evidence.request : Evidence.none
    case PacketType.publish:
      return detectPublish(bytes, at, stop, end) ? Evidence.unclear : Evidence.none
    case PacketType.connack:
      return length <= 64 && bytes[at] <= 1 ? Evidence.unclear : Evidence.none
    case PacketType.pingreq:
    case PacketType.pingresp:
    case PacketType.puback:
    case PacketType.pubrec:
    case PacketType.pubrel:
    case PacketType.pubcomp:
      return length <= 4 ? Evidence.unclear : Evidence.none
    default:
      return Evidence.none
  }
}

/** After a loss, for a connection known to be MQTT: a packet and, where there is more, another one behind it. */
export const mayBeginPacket = (bytes: Uint8Array, start: number, end: number): boolean => {
  const length = packetLength(bytes, start, end)
  if (length <= 0) return false
  if (start + length === end) return true
  const isPublish = bytes[start] >> 4 === PacketType.publish
  if (start + length > end)
    return isPublish && detectPublish(bytes, bodyStart(bytes, start), end, start + length)
  return packetLength(bytes, start + length, end) > 0
}
