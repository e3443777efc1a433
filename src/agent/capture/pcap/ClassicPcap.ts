// Classic pcap (https://www.ietf.org/archive/id/draft-ietf-opsawg-pcap-04.html): one header, then records of
// 16 bytes and a packet; microseconds or nanoseconds, either byte order, and Kuznetzov's variant with 24-byte
// record headers.

import type { ByteWindow } from "./ByteWindow.ts"
import { CaptureFileError, corrupt } from "./CaptureFileError.ts"
import type { CapturedPacket } from "./CapturedPacket.ts"
import { isReadable, linkTypeName, readableNames } from "./linkTypes.ts"
import { maxPacketBytes, type RecordFormat, Step } from "./RecordFormat.ts"

const magicMicro = 0xa1b2c3d4
const magicNano = 0xa1b23c4d
const magicModified = 0xa1b2cd34
const headerBytes = 24

export class ClassicPcap implements RecordFormat {
  readonly name = "pcap"
  private readonly isLittle: boolean
  private readonly recordBytes: number
  private readonly fractionUs: number
  private linkType = -1

  constructor(magic: number, isLittle: boolean) {
    this.isLittle = isLittle
    this.recordBytes = magic === magicModified ? 24 : 16
    this.fractionUs = magic === magicNano ? 1e-3 : 1
  }

  next(window: ByteWindow, packet: CapturedPacket): Step {
    const { isLittle, recordBytes } = this
    if (this.linkType < 0) {
      if (window.available < headerBytes) return Step.needMore
      this.readHeader(window)
    }
    if (window.available < recordBytes) return Step.needMore
    const { start, view } = window
    const captured = view.getUint32(start + 8, isLittle)
    if (captured > maxPacketBytes) {
      throw corrupt(window.offset + 8, `a captured length of at most ${maxPacketBytes}`, String(captured))
    }
    if (window.available < recordBytes + captured) return Step.needMore
    packet.bytes = window.bytes
    packet.start = start + recordBytes
    packet.end = packet.start + captured
    packet.originalLength = Math.max(captured, view.getUint32(start + 12, isLittle))
    packet.timeUs =
      view.getUint32(start, isLittle) * 1e6 + view.getUint32(start + 4, isLittle) * this.fractionUs
    packet.linkType = this.linkType
    packet.interfaceIndex = 0
    window.start = packet.end
    return Step.packet
  }

  private readHeader(window: ByteWindow): void {
    const { start, view } = window
    const major = view.getUint16(start + 4, this.isLittle)
    // Some writers leave the version in the other byte order.
    if (major !== 2 && major !== 0x0200) throw corrupt(window.offset + 4, "version 2 of pcap", String(major))
    // The upper half tells of frame check sequences, which lengths in the IP header leave out anyway.
    const linkType = view.getUint32(start + 20, this.isLittle) & 0xffff
    if (!isReadable(linkType)) {
      throw new CaptureFileError({
        reason: "linkType",
        offset: window.offset + 20,
        message: `packets of ${linkTypeName(linkType)} are not read, expected ${readableNames}`,
      })
    }
    this.linkType = linkType
    window.start += headerBytes
  }
}

/** The format if the window begins with its magic number, else undefined. Needs 4 bytes. */
export const classicPcap = (window: ByteWindow): ClassicPcap | undefined => {
  for (const isLittle of [true, false]) {
    const magic = window.view.getUint32(window.start, isLittle)
    if (magic === magicMicro || magic === magicNano || magic === magicModified) {
      return new ClassicPcap(magic, isLittle)
    }
  }
  return undefined
}
