// Why a capture file cannot be read, or not further: where, what was expected and what was found there.

import * as Data from "effect/Data"

export type CaptureFileReason =
  /** The file cannot be opened or read. */
  | "unreadable"
  /** It is neither pcap nor pcapng. */
  | "notACapture"
  /** A length or mark in it cannot be right; everything before `offset` was delivered. */
  | "corrupt"
  /** Its packets are of a link layer that is not read. */
  | "linkType"

export class CaptureFileError extends Data.TaggedError("CaptureFileError")<{
  readonly reason: CaptureFileReason
  /** Byte of the (uncompressed) file. */
  readonly offset: number
  readonly message: string
  readonly cause?: unknown
}> {}

/** A length or mark at `offset` that cannot be right. */
export const corrupt = (offset: number, expected: string, found: string): CaptureFileError =>
  new CaptureFileError({
    reason: "corrupt",
    offset,
    message: `corrupt at byte ${offset}: expected ${expected}, found ${found}`,
  })
