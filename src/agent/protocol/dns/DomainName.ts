// Reads one domain name of a DNS message, compressed or not (RFC 1035 sections 3.1, 4.1.4), as text in lower case: names do not
// distinguish case, and resolvers mix it at random. One reader serves all; its fields hold what the latest name said.

import { latin1Text, utf8Text } from "../latin1.ts"

/** On the wire, with the length bytes. */
const maxName = 255
/** Each jump goes backwards, so that this many are more than enough. */
const maxJumps = 32
const dot = 46
const backslash = 92

export class DomainName {
  text = ""
  private readonly scratch = new Uint8Array(maxName * 4)

  /**
   * Reads the name at `at` of the message `bytes[start, end)`; returns the position after it, or -1 when it is malformed or goes
   * beyond the end.
   */
  read(bytes: Uint8Array, start: number, at: number, end: number): number {
    const { scratch } = this
    let next = -1
    let from = at
    let limit = end
    let length = 0
    let wireLength = 1
    let isAscii = true
    for (let jumps = 0; ;) {
      if (from >= limit) return -1
      const size = bytes[from]
      if (size === 0) {
        if (next < 0) next = from + 1
        break
      }
      if (size >= 0xc0) {
        if (from + 1 >= limit || jumps++ === maxJumps) return -1
        const target = start + (((size & 0x3f) << 8) | bytes[from + 1])
        if (next < 0) next = from + 2
        if (target >= from || target < start + 12) return -1
        limit = from
        from = target
        continue
      }
      wireLength += size + 1
      if (size > 63 || wireLength > maxName || from + 1 + size > end) return -1
      if (length > 0) scratch[length++] = dot
      for (let i = from + 1; i <= from + size; i++) {
        const c = bytes[i]
        if (c >= 65 && c <= 90) scratch[length++] = c + 32
        else if (c < 32 || c === 127 || c === dot || c === backslash) length = this.escape(c, length)
        else {
          if (c > 127) isAscii = false
          scratch[length++] = c
        }
      }
      from += size + 1
    }
    if (length === 0) this.text = "."
    else this.text = isAscii ? latin1Text(scratch, 0, length) : utf8Text(scratch, 0, length)
    return next
  }

  /** As zone files write it: `\.`, `\000`. */
  private escape(c: number, at: number): number {
    const { scratch } = this
    scratch[at] = backslash
    if (c === dot || c === backslash) {
      scratch[at + 1] = c
      return at + 2
    }
    scratch[at + 1] = 48 + Math.floor(c / 100)
    scratch[at + 2] = 48 + (Math.floor(c / 10) % 10)
    scratch[at + 3] = 48 + (c % 10)
    return at + 4
  }
}
