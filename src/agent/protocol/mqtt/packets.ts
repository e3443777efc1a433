// MQTT control packets: types, names, and what may stand in their first bytes (MQTT 3.1, 3.1.1, 5.0).

export const PacketType = {
  connect: 1,
  connack: 2,
  publish: 3,
  puback: 4,
  pubrec: 5,
  pubrel: 6,
  pubcomp: 7,
  subscribe: 8,
  suback: 9,
  unsubscribe: 10,
  unsuback: 11,
  pingreq: 12,
  pingresp: 13,
  disconnect: 14,
  auth: 15,
} as const

const names: ReadonlyArray<string> = [
  "",
  "Connect",
  "Connack",
  "Publish",
  "Puback",
  "Pubrec",
  "Pubrel",
  "Pubcomp",
  "Subscribe",
  "Suback",
  "Unsubscribe",
  "Unsuback",
  "Pingreq",
  "Pingresp",
  "Disconnect",
  "Auth",
]

export const packetName = (type: number): string => names[type] ?? ""

/** The first protocol level with properties and reason codes. */
export const version5 = 5

/** The lower four bits of the first byte are fixed, but for publishing: there quality of service 3 is forbidden. */
export const areFlagsValid = (first: number): boolean => {
  const type = first >> 4
  const flags = first & 15
  if (type === PacketType.publish) return (flags & 6) !== 6 && (flags & 14) !== 8
  const isTwo = type === PacketType.pubrel || type === PacketType.subscribe || type === PacketType.unsubscribe
  return type !== 0 && flags === (isTwo ? 2 : 0)
}

/** Least bytes behind the length, by type. */
const leastBytes = [0, 10, 2, 2, 2, 2, 2, 2, 5, 3, 4, 2, 0, 0, 0, 0]

const isLengthValid = (type: number, length: number): boolean => {
  if (type === PacketType.pingreq || type === PacketType.pingresp) return length === 0
  return length >= leastBytes[type]
}

/**
 * Length of the packet that begins at bytes[at]: 0 when the bytes are too few to say, -1 when they begin none.
 */
export const packetLength = (bytes: Uint8Array, at: number, end: number): number => {
  if (at >= end) return 0
  if (!areFlagsValid(bytes[at])) return -1
  let length = 0
  let scale = 1
  for (let i = at + 1; i < at + 5; i++) {
    if (i >= end) return 0
    length += (bytes[i] & 0x7f) * scale
    if (bytes[i] < 0x80) {
      // An empty byte at the end of a length that could be shorter is not allowed.
      if (i > at + 1 && bytes[i] === 0) return -1
      return isLengthValid(bytes[at] >> 4, length) ? i + 1 - at + length : -1
    }
    scale *= 128
  }
  return -1
}

/** Position behind the length of a packet whose `packetLength` is known. */
export const bodyStart = (bytes: Uint8Array, at: number): number => {
  let i = at + 1
  while (bytes[i] >= 0x80) i++
  return i + 1
}
