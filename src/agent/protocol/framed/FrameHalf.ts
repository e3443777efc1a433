// One direction of a connection of framed messages: where in a frame it stands and the beginning of a frame that is not
// complete yet. Bound: the frame's first `maxKept` bytes; what follows is counted and passed over.

const smallest = 256
/** A buffer that grew beyond this is given back after its frame. */
const retained = 1024

export class FrameHalf {
  /** Position unknown: looking for a run of bytes that begins with a frame. */
  isLost = false
  isOpen = false
  /** Length of the open frame, 0 while it is not known. */
  total = 0
  /** Bytes of it passed so far, captured or not. */
  position = 0
  /** Bytes are missing of it behind those that were kept. */
  isCut = false
  startUs = 0
  endUs = 0
  tcpSeq = 0
  captured = 0
  kept: Uint8Array = new Uint8Array(0)
  keptLength = 0

  open(length: number, timeUs: number, tcpSeq: number): void {
    this.isOpen = true
    this.total = length
    this.position = 0
    this.isCut = false
    this.startUs = this.endUs = timeUs
    this.tcpSeq = tcpSeq
    this.captured = 0
    this.keptLength = 0
  }

  /** Keeps bytes[start, end), of which at most `maxKept` in all. */
  keep(bytes: Uint8Array, start: number, end: number, maxKept: number): void {
    const from = this.keptLength
    const length = Math.min(from + end - start, maxKept)
    if (length > this.kept.length) {
      const grown = new Uint8Array(Math.min(maxKept, Math.max(smallest, length * 2)))
      grown.set(this.kept.subarray(0, from))
      this.kept = grown
    }
    const { kept } = this
    for (let i = from, at = start; i < length; i++, at++) kept[i] = bytes[at]
    this.keptLength = length
  }

  end(): void {
    this.isOpen = false
    this.keptLength = 0
    if (this.kept.length > retained) this.kept = new Uint8Array(0)
  }
}
