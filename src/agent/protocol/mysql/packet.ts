// The packet of MySQL: 3 bytes length, 1 byte sequence number, payload; and the numbers in it, all little-endian.

export const headerLength = 4
/** A payload of this many bytes goes on in the next packet. */
export const fullPayload = 0xffffff

export const u16 = (bytes: Uint8Array, at: number): number => bytes[at] | (bytes[at + 1] << 8)

export const u24 = (bytes: Uint8Array, at: number): number =>
  bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16)

export const u32 = (bytes: Uint8Array, at: number): number => (u24(bytes, at) | (bytes[at + 3] << 24)) >>> 0

/** Bytes of the length-encoded number that begins with `first`. */
export const numberSize = (first: number): number =>
  first < 0xfb ? 1 : first === 0xfc ? 3 : first === 0xfd ? 4 : first === 0xfe ? 9 : 1

/** A length-encoded number at `at`; 0 when it is cut off or none. */
export const numberAt = (bytes: Uint8Array, at: number, end: number): number => {
  if (at >= end) return 0
  const first = bytes[at]
  if (first < 0xfb) return first
  if (at + numberSize(first) > end) return 0
  if (first === 0xfc) return u16(bytes, at + 1)
  if (first === 0xfd) return u24(bytes, at + 1)
  return first === 0xfe ? u32(bytes, at + 1) + u32(bytes, at + 5) * 2 ** 32 : 0
}

/** Position of the next NUL, `end` when there is none. */
export const nulAt = (bytes: Uint8Array, start: number, end: number): number => {
  let at = start
  while (at < end && bytes[at] !== 0) at++
  return at
}
