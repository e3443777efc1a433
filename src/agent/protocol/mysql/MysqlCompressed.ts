// The compressed protocol of MySQL around its packets: 3 bytes length, sequence number, 3 bytes length of the text (0: it is
// not compressed). Until the login agrees on it, or a connection joined later shows it, bytes go through as they are.
// Bound: 64 KiB of a compressed packet for each direction.

import { type Frame, FramedConnection, undecided } from "../framed/FramedConnection.ts"
import { inflate } from "../inflate.ts"
import type { ParserStats } from "../ParserStats.ts"
import { Direction, type MessageSink } from "../Protocol.ts"
import { commandName, fitsCommand } from "./commands.ts"
import { Compression } from "./login.ts"
import type { MysqlConnection } from "./MysqlConnection.ts"
import { u24 } from "./packet.ts"

const maxKept = 64 * 1024
const compressedHeader = 7
const zlibMark = 0x78
/** More than any packet lacks: makes the packets inside lost. */
const unknownGap = 0x1000000

/** The compression that a packet's beginning shows; `none` when it shows none. */
export const shownCompression = (bytes: Uint8Array, start: number, end: number): Compression => {
  if (end - start < compressedHeader + 5) return Compression.none
  const length = u24(bytes, start)
  const textLength = u24(bytes, start + 4)
  const at = start + compressedHeader
  if (textLength === 0) {
    const inner = u24(bytes, at)
    const code = bytes[at + 4]
    const isCommand =
      bytes[start + 3] === 0 &&
      bytes[at + 3] === 0 &&
      commandName(code) !== undefined &&
      fitsCommand(code, inner)
    return isCommand && length === inner + 4 ? Compression.zlib : Compression.none
  }
  if (textLength < length) return Compression.none
  if (bytes[at] === zlibMark && ((bytes[at] << 8) | bytes[at + 1]) % 31 === 0) return Compression.zlib
  return bytes[at] === 0x28 && bytes[at + 1] === 0xb5 && bytes[at + 2] === 0x2f && bytes[at + 3] === 0xfd
    ? Compression.zstd
    : Compression.none
}

export class MysqlCompressed extends FramedConnection {
  private readonly inner: MysqlConnection
  private compression: Compression = Compression.none
  private isFirst = true

  constructor(sink: MessageSink, stats: ParserStats, inner: MysqlConnection) {
    super(sink, stats, maxKept)
    this.inner = inner
  }

  override get bufferedBytes(): number {
    return super.bufferedBytes + this.inner.bufferedBytes
  }

  override feed(
    direction: Direction,
    bytes: Uint8Array,
    start: number,
    end: number,
    missing: number,
    timeUs: number,
    tcpSeq: number,
  ): void {
    if (this.compression === Compression.none) {
      if (this.isFirst && start < end) {
        this.isFirst = false
        this.compression = shownCompression(bytes, start, end)
      } else this.compression = this.inner.compression
    }
    if (this.compression === Compression.none) {
      this.inner.feed(direction, bytes, start, end, missing, timeUs, tcpSeq)
      return
    }
    this.inner.isCompressed = true
    super.feed(direction, bytes, start, end, missing, timeUs, tcpSeq)
  }

  override close(timeUs: number): void {
    super.close(timeUs)
    this.inner.close(timeUs)
  }

  protected frameLength(_direction: Direction, bytes: Uint8Array, at: number, end: number): number {
    return end - at < compressedHeader ? undecided : compressedHeader + u24(bytes, at)
  }

  protected mayBegin(direction: Direction, bytes: Uint8Array, start: number, end: number): boolean {
    if (shownCompression(bytes, start, end) !== Compression.none) return true
    // An uncompressed answer: one whole small packet.
    return (
      direction === Direction.toClient &&
      end - start > compressedHeader + 4 &&
      u24(bytes, start) === end - start - compressedHeader &&
      u24(bytes, start + 4) === 0 &&
      bytes[start + compressedHeader + 3] === 1
    )
  }

  protected read(frame: Frame): boolean {
    const { bytes, direction, startUs, tcpSeq } = frame
    const at = frame.start + compressedHeader
    const length = frame.length - compressedHeader
    const textLength = u24(bytes, frame.start + 4)
    if (textLength === 0) {
      this.inner.feed(direction, bytes, at, frame.end, length - (frame.end - at), startUs, tcpSeq)
      return true
    }
    const kind = bytes[at] === zlibMark ? Compression.zlib : this.compression
    const text = inflate(kind === Compression.zstd, bytes, at, frame.end, textLength)
    this.inner.feed(direction, text, 0, text.length, textLength - text.length, startUs, tcpSeq)
    return true
  }

  protected lost(direction: Direction): void {
    this.inner.feed(direction, new Uint8Array(0), 0, 0, unknownGap, 0, 0)
  }
}
