// The 16 bytes in front of every SOME/IP message (AUTOSAR PRS_SOMEIPProtocol section 4.1), and what its fields may be:
//
//   0 service id   2 method id   4 length (of what follows it)   8 client id   10 session id
//   12 protocol version   13 interface version   14 message type   15 return code

export const headerBytes = 16
/** Of the header, what the length counts. */
export const countedHeaderBytes = 8
/** A length beyond is taken for something else; payloads of services stay far below. */
export const maxLength = 16 * 1024 * 1024
const protocolVersion = 1
const maxReturnCode = 0x5e
/** Segments of one message over UDP (SOME/IP-TP). */
export const segmented = 0x20

export const MessageType = {
  request: 0x00,
  requestNoReturn: 0x01,
  notification: 0x02,
  response: 0x80,
  error: 0x81,
} as const

const typeNames: Record<number, string> = {
  [MessageType.request]: "Request",
  [MessageType.requestNoReturn]: "RequestNoReturn",
  [MessageType.notification]: "Notification",
  [MessageType.response]: "Response",
  [MessageType.error]: "Error",
}

export const messageTypeName = (type: number): string => typeNames[type & ~segmented] ?? ""

const uint16 = (bytes: Uint8Array, at: number): number => (bytes[at] << 8) | bytes[at + 1]

export const lengthOf = (bytes: Uint8Array, at: number): number =>
  uint16(bytes, at + 4) * 65_536 + uint16(bytes, at + 6)

/** The "magic cookie" by which TCP receivers find a message start; it carries nothing. */
export const isCookie = (bytes: Uint8Array, at: number): boolean =>
  uint16(bytes, at) === 0xffff && uint16(bytes, at + 8) === 0xdead && uint16(bytes, at + 10) === 0xbeef

/** Whether the 16 bytes at `at` can be a header. */
export const isHeader = (bytes: Uint8Array, at: number): boolean => {
  const type = bytes[at + 14]
  const length = lengthOf(bytes, at)
  if (messageTypeName(type) === "" || bytes[at + 12] !== protocolVersion) return false
  if (length < countedHeaderBytes || length > maxLength) return false
  // Service 0 is reserved; return codes are the answers'.
  return (
    uint16(bytes, at) !== 0 &&
    (type >= MessageType.response ? bytes[at + 15] <= maxReturnCode : bytes[at + 15] === 0)
  )
}
