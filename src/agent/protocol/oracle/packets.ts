// Packets of TNS: length (of two bytes and a checksum, or, once both sides agreed on version 315, of four), type, flags, checksum.

import { u16At, u32At } from "../framed/ByteReader.ts"

export const headerLength = 8

export const PacketType = {
  connect: 1,
  accept: 2,
  acknowledge: 3,
  refuse: 4,
  redirect: 5,
  data: 6,
  abort: 9,
  resend: 11,
  marker: 12,
  attention: 13,
  control: 14,
} as const

const known = new Set<number>(Object.values(PacketType))
const toServer = new Set<number>([PacketType.connect, PacketType.abort])
const toClient = new Set<number>([
  PacketType.accept,
  PacketType.refuse,
  PacketType.redirect,
  PacketType.resend,
])

/** The largest data unit that Oracle takes. */
const maxPacket = 2 * 1024 * 1024 + 64

/** Version of CONNECT and ACCEPT from which lengths have four bytes. */
export const wideVersion = 315
const minVersion = 300
const maxVersion = 330

export const isVersion = (version: number): boolean => version >= minVersion && version <= maxVersion

/** Flags of data packets. */
export const DataFlag = { endOfFile: 0x0040, endOfResponse: 0x2000 } as const

/** Length of the packet whose whole header is at `at`; -1 when it is none of this direction. */
export const packetLength = (bytes: Uint8Array, at: number, isToServer: boolean): number => {
  const type = bytes[at + 4]
  if (!known.has(type) || u16At(bytes, at + 6) !== 0) return -1
  if ((isToServer ? toClient : toServer).has(type)) return -1
  // A length of two bytes is never 0, and its checksum is.
  const isWide = u16At(bytes, at) === 0 || u16At(bytes, at + 2) !== 0
  const length = isWide ? u32At(bytes, at) : u16At(bytes, at)
  return length < headerLength || length > maxPacket ? -1 : length
}
