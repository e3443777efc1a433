// Takes blocks of LZ4 and Snappy apart, as far as their first bytes: both are made of literals and of copies of what came before.
// Never reads or writes beyond its ends; damaged blocks end where they are damaged.

/** Copies `length` bytes from `distance` before `at`, byte by byte: they may overlap. Returns the new end, or -1. */
const copyBack = (out: Uint8Array, at: number, distance: number, length: number): number => {
  if (distance === 0 || distance > at) return -1
  const end = Math.min(out.length, at + length)
  for (let i = at; i < end; i++) out[i] = out[i - distance]
  return end
}

/** A text of at most `most` bytes from the LZ4 block in bytes[start, end). */
export const readLz4 = (bytes: Uint8Array, start: number, end: number, most: number): Uint8Array => {
  const out = new Uint8Array(most)
  let at = start
  let length = 0
  /** The rest of a length whose four bits are all set. */
  const longer = (four: number): number => {
    let value = four
    if (four === 15) {
      let byte = 255
      while (byte === 255 && at < end) value += byte = bytes[at++]
    }
    return value
  }
  while (at < end && length < most) {
    const token = bytes[at++]
    const literals = Math.min(longer(token >>> 4), end - at, most - length)
    out.set(bytes.subarray(at, at + literals), length)
    at += literals
    length += literals
    if (at + 2 > end || length === most) break
    const distance = bytes[at] | (bytes[at + 1] << 8)
    at += 2
    const next = copyBack(out, length, distance, 4 + longer(token & 15))
    if (next < 0) break
    length = next
  }
  return out.subarray(0, length)
}

/** The same from a Snappy block, which begins with the length of its text. */
export const readSnappy = (bytes: Uint8Array, start: number, end: number, most: number): Uint8Array => {
  let at = start
  while (at < end && bytes[at] >= 0x80) at++
  at++
  const out = new Uint8Array(most)
  let length = 0
  const little = (count: number): number => {
    let value = 0
    for (let i = 0; i < count && at < end; i++) value += bytes[at++] * 256 ** i
    return value
  }
  while (at < end && length < most) {
    const tag = bytes[at++]
    const size = tag >>> 2
    let next: number
    switch (tag & 3) {
      case 0: {
        const wanted = 1 + (size < 60 ? size : little(size - 59))
        const literals = Math.min(wanted, end - at, most - length)
        out.set(bytes.subarray(at, at + literals), length)
        at += literals
        next = length + literals
        break
      }
      case 1: {
        next = copyBack(out, length, ((tag >>> 5) << 8) | little(1), 4 + (size & 7))
        break
      }
      default: {
        next = copyBack(out, length, little((tag & 3) === 2 ? 2 : 4), 1 + size)
      }
    }
    if (next < 0) break
    length = next
  }
  return out.subarray(0, length)
}
