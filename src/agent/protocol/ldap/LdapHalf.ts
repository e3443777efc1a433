// One direction of LDAP: finds the messages by their lengths, over any split of the bytes. Keeps the first 512 bytes of one.

import { Der } from "../Der.ts"

const maxKept = 512
/** Tag and the longest length that is read. */
const maxHeader = 6
/** Servers refuse far smaller ones (OpenLDAP: 4 MiB, 16 after a bind). */
const maxMessage = 64 * 1024 * 1024
const sequence = 0x30

export class LdapHalf {
  isLost = false
  isDone = false
  isBroken = false
  startUs = 0
  tcpSeq = 0
  /** Of the whole message, its header included; valid when the header was read. */
  length = 0
  captured = 0
  readonly kept = new Uint8Array(maxKept)
  keptBytes = 0
  private taken = 0
  private hasGap = false

  get isOpen(): boolean {
    return this.taken > 0
  }

  begin(timeUs: number, tcpSeq: number): void {
    this.isDone = false
    this.isBroken = false
    this.startUs = timeUs
    this.tcpSeq = tcpSeq
    this.length = 0
    this.captured = 0
    this.keptBytes = 0
    this.taken = 0
    this.hasGap = false
  }

  /** Reads on to the end of the message; returns the position after it, or `end`, or where it broke. */
  scan(bytes: Uint8Array, start: number, end: number): number {
    let at = start
    while (this.length === 0 && at < end) {
      this.kept[this.keptBytes++] = bytes[at++]
      this.taken++
      this.captured++
      this.readHeader()
      if (this.isBroken) return at
    }
    if (this.length === 0) return at
    const stop = at + Math.min(this.length - this.taken, end - at)
    const kept = this.hasGap ? 0 : Math.min(stop - at, maxKept - this.keptBytes)
    this.kept.set(bytes.subarray(at, at + kept), this.keptBytes)
    this.keptBytes += kept
    this.captured += stop - at
    this.taken += stop - at
    this.isDone = this.taken === this.length
    return stop
  }

  /** Passes over bytes of the message that were not captured; returns how many of them are beyond it. */
  skip(missing: number): number {
    if (this.length === 0) return missing
    const inside = Math.min(missing, this.length - this.taken)
    this.taken += inside
    this.hasGap = true
    this.isDone = this.taken === this.length
    return missing - inside
  }

  private readHeader(): void {
    const { kept, keptBytes } = this
    const der = new Der(kept)
    if (kept[0] !== sequence) this.isBroken = true
    else if (der.read(0, keptBytes)) {
      this.length = der.contentEnd
      this.isBroken = der.contentEnd > maxMessage || der.contentEnd - der.contentAt < 5
    } else this.isBroken = keptBytes >= maxHeader || (keptBytes === 2 && (kept[1] === 0x80 || kept[1] > 0x84))
  }
}
