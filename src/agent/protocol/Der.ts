// Walks ASN.1 values in their basic encoding (X.690; DER is part of it) without trust in any length: certificates, LDAP.

/** A cursor over tag, length, value; `contentEnd` may lie beyond `end` where what is read was cut. */
export class Der {
  tag = 0
  contentAt = 0
  contentEnd = 0
  private readonly bytes: Uint8Array

  constructor(bytes: Uint8Array) {
    this.bytes = bytes
  }

  /** Content as a number of at most 4 bytes, unsigned; -1 where it is longer or not there. */
  number(end: number): number {
    const { bytes, contentAt, contentEnd } = this
    if (contentEnd > end || contentEnd === contentAt || contentEnd - contentAt > 4) return -1
    let value = 0
    for (let i = contentAt; i < contentEnd; i++) value = value * 256 + bytes[i]
    return value
  }

  is(tag: number): boolean {
    return this.tag === tag
  }

  /** False when there is no whole tag and length at `at`. */
  read(at: number, end: number): boolean {
    const { bytes } = this
    if (at + 2 > end) return false
    this.tag = bytes[at]
    let length = bytes[at + 1]
    this.contentAt = at + 2
    if (length >= 0x80) {
      const count = length & 0x7f
      if (count === 0 || count > 4 || at + 2 + count > end) return false
      length = 0
      for (let i = 0; i < count; i++) length = length * 256 + bytes[this.contentAt + i]
      this.contentAt += count
    }
    this.contentEnd = this.contentAt + length
    return true
  }
}
