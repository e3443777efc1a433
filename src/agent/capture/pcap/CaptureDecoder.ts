// Decodes the bytes of a capture file as they come, in pieces of any size: recognises the format, hands out
// each packet. Memory is bounded by one record and one slice of input, whatever lengths the file claims.

import { ByteWindow } from "./ByteWindow.ts"
import { CaptureFileError } from "./CaptureFileError.ts"
import { CapturedPacket } from "./CapturedPacket.ts"
import { classicPcap } from "./ClassicPcap.ts"
import { isReadable, linkTypeName, readableNames } from "./linkTypes.ts"
import { pcapng } from "./Pcapng.ts"
import { type RecordFormat, Step } from "./RecordFormat.ts"

const expectation = "expected a pcap or pcapng file"
const sliceBytes = 256 * 1024

/** Files that people take for captures, by their first bytes. */
const lookalikes: ReadonlyArray<readonly [prefix: number, what: string]> = [
  [0xfd2fb528, "zstd-compressed data: decompress it first (zstd -d)"],
  [0xfd377a58, "xz-compressed data: decompress it first (xz -d)"],
  [0x04224d18, "lz4-compressed data: decompress it first (lz4 -d)"],
  [0x504b0304, "a zip archive: unpack it first"],
  [0x736e6f6f, "a snoop capture: convert it first (editcap -F pcap)"],
]

const bigEndianHex = (window: ByteWindow): string => {
  let hex = ""
  for (let at = window.start; at < window.end && at < window.start + 4; at++) {
    hex += window.bytes[at].toString(16).padStart(2, "0")
  }
  return hex
}

const formatOf = (window: ByteWindow): RecordFormat => {
  const format = classicPcap(window) ?? pcapng(window)
  if (format !== undefined) return format
  const prefix = window.view.getUint32(window.start)
  // zstd and lz4 marks are little endian.
  const swapped = window.view.getUint32(window.start, true)
  const found = lookalikes.find(([mark]) => mark === prefix || mark === swapped)?.[1]
  throw new CaptureFileError({
    reason: "notACapture",
    offset: 0,
    message: `${expectation}, found ${found ?? `one that begins with 0x${bigEndianHex(window)}`}`,
  })
}

export class CaptureDecoder {
  /** Packets handed out. */
  packets = 0
  /** Packets of link layers that are not read, by link type. */
  readonly skipped = new Map<number, number>()
  private readonly onPacket: (packet: CapturedPacket) => void
  private readonly onRead: () => void
  private readonly window = new ByteWindow()
  private readonly packet = new CapturedPacket()
  private records: RecordFormat | null = null

  /** `onRead`: the bytes of the packets handed out so far are about to be others. */
  constructor(onPacket: (packet: CapturedPacket) => void, onRead = (): void => undefined) {
    this.onPacket = onPacket
    this.onRead = onRead
  }

  get format(): "pcap" | "pcapng" | null {
    return this.records === null ? null : this.records.name
  }

  /** Offset of the first byte that was not read as part of something whole. */
  get offset(): number {
    return this.window.offset
  }

  /**
   * Takes the next bytes of the file. Throws a CaptureFileError, after everything before the fault was handed
   * out.
   */
  push(chunk: Uint8Array): void {
    for (let at = 0; at < chunk.length; at += sliceBytes) {
      this.window.append(chunk, at, Math.min(chunk.length, at + sliceBytes))
      this.drain()
      this.onRead()
    }
  }

  /**
   * The file is over. A warning if it ends within something, undefined if it is whole; throws if it has no
   * beginning.
   */
  end(): string | undefined {
    const { window } = this
    if (this.records === null) {
      throw new CaptureFileError({
        reason: "notACapture",
        offset: 0,
        message:
          window.available === 0
            ? `${expectation}, found an empty one`
            : `${expectation}, found only ${window.available} bytes (0x${bigEndianHex(window)})`,
      })
    }
    if (this.packets === 0 && this.skipped.size > 0) {
      throw new CaptureFileError({
        reason: "linkType",
        offset: window.offset,
        message: `packets of ${this.skippedNames()} are not read, expected ${readableNames}`,
      })
    }
    if (!window.isUnfinished) return undefined
    const { unfinishedOffset } = window
    return `truncated: the record at byte ${unfinishedOffset} is cut off, ${this.packets} packets were read`
  }

  /** The link layers of skipped packets, for a message. */
  skippedNames(): string {
    return [...this.skipped.keys()].map(linkTypeName).join(", ")
  }

  private drain(): void {
    const { packet, window } = this
    if (this.records === null) {
      if (window.available < 4) return
      this.records = formatOf(window)
    }
    const { records } = this
    for (;;) {
      const step = records.next(window, packet)
      if (step === Step.needMore) return
      if (step !== Step.packet) continue
      if (isReadable(packet.linkType)) {
        this.packets++
        this.onPacket(packet)
      } else this.skipped.set(packet.linkType, (this.skipped.get(packet.linkType) ?? 0) + 1)
    }
  }
}
