// One packet of a capture, as readers hand it out. One object is reused for all packets of a reader: whoever
// needs something of it later copies it. `bytes[start, end)` are what was captured, from the link-layer
// header on.

export class CapturedPacket {
  bytes: Uint8Array = new Uint8Array(0)
  start = 0
  end = 0
  /** Length on the wire; at least what was captured. */
  originalLength = 0
  /** Microseconds since 1970; nanosecond captures keep what a double can of the fraction (1/4 us). */
  timeUs = 0
  linkType = 0
  /** Counts the interfaces of a file from 0, over all its sections. */
  interfaceIndex = 0
}
