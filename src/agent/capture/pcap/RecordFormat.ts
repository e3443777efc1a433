// What the decoder asks of a capture format: read the next record out of the window, when it is whole.

import type { ByteWindow } from "./ByteWindow.ts"
import type { CapturedPacket } from "./CapturedPacket.ts"

export const Step = {
  /** The next record has not arrived whole: nothing was consumed. */
  needMore: 0,
  /** A packet was read and stands in the CapturedPacket, valid until the window is touched again. */
  packet: 1,
  /** Something else was read or is being skipped. */
  passed: 2,
} as const
export type Step = (typeof Step)[keyof typeof Step]

export interface RecordFormat {
  readonly name: "pcap" | "pcapng"
  /**
   * Throws a CaptureFileError on a record that cannot be right. Always consumes something unless more is
   * needed.
   */
  next(window: ByteWindow, packet: CapturedPacket): Step
}

/** Largest captured length taken for right: GSO packets reach 512 KiB, libpcap's own limit is 256 KiB. */
export const maxPacketBytes = 1024 * 1024
