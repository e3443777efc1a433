// pcapng (https://www.ietf.org/archive/id/draft-ietf-opsawg-pcapng-02.html): sections, interfaces and packet
// blocks of all three kinds, either byte order in each section. Blocks of other types are skipped by their
// length without being kept.

import type { ByteWindow } from "./ByteWindow.ts"
import { corrupt } from "./CaptureFileError.ts"
import type { CapturedPacket } from "./CapturedPacket.ts"
import { maxPacketBytes, type RecordFormat, Step } from "./RecordFormat.ts"

const blockSection = 0x0a0d0d0a
const blockInterface = 1
const blockObsoletePacket = 2
const blockSimplePacket = 3
const blockEnhancedPacket = 6
const byteOrderMagic = 0x1a2b3c4d

const optionEnd = 0
const optionResolution = 9
const optionOffset = 14

/** Blocks that are read whole: a packet and its options. */
const maxBlockBytes = maxPacketBytes + 1024 * 1024
const maxInterfaces = 4096

interface Interface {
  readonly index: number
  readonly linkType: number
  /** 0: unlimited. */
  readonly snapLength: number
  /** Microseconds of one tick of the lower and of the upper half of a timestamp. */
  readonly tickUs: number
  readonly upperTickUs: number
  readonly offsetUs: number
}

const tickOf = (resolution: number): number =>
  resolution & 0x80 ? 1e6 * 2 ** -(resolution & 0x7f) : 10 ** (6 - resolution)

export class Pcapng implements RecordFormat {
  readonly name = "pcapng"
  private isLittle = true
  private interfaces: Array<Interface> = []
  private interfacesRead = 0
  private lastTimeUs = 0

  next(window: ByteWindow, packet: CapturedPacket): Step {
    if (window.available < 12) return Step.needMore
    const { start, view } = window
    const isSection = view.getUint32(start, true) === blockSection
    if (isSection) this.readByteOrder(window)
    const type = view.getUint32(start, this.isLittle)
    const length = view.getUint32(start + 4, this.isLittle)
    if (length < 12 || length % 4 !== 0) {
      throw corrupt(window.offset + 4, "a block length of at least 12, divisible by 4", String(length))
    }
    if (isSection) {
      if (length < 28)
        throw corrupt(window.offset + 4, "a section header of at least 28 bytes", String(length))
      this.interfaces = []
    } else if (
      type === blockInterface ||
      type === blockEnhancedPacket ||
      type === blockSimplePacket ||
      type === blockObsoletePacket
    ) {
      if (length > maxBlockBytes) {
        throw corrupt(window.offset + 4, `a block length of at most ${maxBlockBytes}`, String(length))
      }
      if (window.available < length) return Step.needMore
      const trailer = view.getUint32(start + length - 4, this.isLittle)
      if (trailer !== length) {
        throw corrupt(
          window.offset + length - 4,
          `the block's length ${length} again at its end`,
          String(trailer),
        )
      }
      if (type === blockInterface) this.readInterface(window, length)
      else {
        this.readPacket(window, type, length, packet)
        window.start += length
        return Step.packet
      }
    }
    window.skip(length)
    return Step.passed
  }

  private readByteOrder(window: ByteWindow): void {
    const magicAt = window.start + 8
    if (window.view.getUint32(magicAt, true) === byteOrderMagic) this.isLittle = true
    else if (window.view.getUint32(magicAt, false) === byteOrderMagic) this.isLittle = false
    else {
      const found = window.view.getUint32(magicAt, true)
      throw corrupt(window.offset + 8, "pcapng's byte-order mark 0x1a2b3c4d", `0x${found.toString(16)}`)
    }
  }

  private readInterface(window: ByteWindow, length: number): void {
    const { isLittle } = this
    const { start, view } = window
    if (length < 20)
      throw corrupt(window.offset + 4, "an interface block of at least 20 bytes", String(length))
    if (this.interfaces.length >= maxInterfaces) {
      throw corrupt(window.offset, `at most ${maxInterfaces} interfaces in a section`, "one more")
    }
    let resolution = 6
    let offsetUs = 0
    const end = start + length - 4
    for (let at = start + 16; at + 4 <= end;) {
      const code = view.getUint16(at, isLittle)
      const size = view.getUint16(at + 2, isLittle)
      if (code === optionEnd || at + 4 + size > end) break
      if (code === optionResolution && size >= 1) resolution = view.getUint8(at + 4)
      // Seconds; at most 53 bits of them are sensible.
      if (code === optionOffset && size >= 8) offsetUs = Number(view.getBigInt64(at + 4, isLittle)) * 1e6
      at += 4 + ((size + 3) & ~3)
    }
    const tickUs = tickOf(resolution)
    this.interfaces.push({
      index: this.interfacesRead++,
      linkType: view.getUint16(start + 8, isLittle),
      snapLength: view.getUint32(start + 12, isLittle),
      tickUs,
      upperTickUs: tickUs * 2 ** 32,
      offsetUs,
    })
  }

  private readPacket(window: ByteWindow, type: number, length: number, packet: CapturedPacket): void {
    const { isLittle } = this
    const { offset, start, view } = window
    const isSimple = type === blockSimplePacket
    const headerBytes = isSimple ? 12 : 28
    const room = length - headerBytes - 4
    if (room < 0)
      throw corrupt(offset + 4, `a packet block of at least ${headerBytes + 4} bytes`, String(length))
    const id = isSimple
      ? 0
      : type === blockEnhancedPacket
        ? view.getUint32(start + 8, isLittle)
        : view.getUint16(start + 8, isLittle)
    const owner = this.interfaces[id]
    if (owner === undefined) {
      throw corrupt(
        offset + 8,
        `an interface below ${this.interfaces.length}, as described before`,
        String(id),
      )
    }
    let captured: number
    if (isSimple) {
      packet.originalLength = view.getUint32(start + 8, isLittle)
      captured = Math.min(packet.originalLength, owner.snapLength === 0 ? room : owner.snapLength)
    } else {
      captured = view.getUint32(start + 20, isLittle)
      packet.originalLength = Math.max(captured, view.getUint32(start + 24, isLittle))
      this.lastTimeUs =
        view.getUint32(start + 12, isLittle) * owner.upperTickUs +
        view.getUint32(start + 16, isLittle) * owner.tickUs +
        owner.offsetUs
    }
    if (captured > room) {
      throw corrupt(offset + (isSimple ? 8 : 20), `a captured length of at most ${room}`, String(captured))
    }
    packet.bytes = window.bytes
    packet.start = start + headerBytes
    packet.end = packet.start + captured
    // Simple packets carry no time: they came after the one before.
    packet.timeUs = this.lastTimeUs
    packet.linkType = owner.linkType
    packet.interfaceIndex = owner.index
  }
}

/** The format if the window begins with a section header, else undefined. Needs 4 bytes. */
export const pcapng = (window: ByteWindow): Pcapng | undefined =>
  window.view.getUint32(window.start, true) === blockSection ? new Pcapng() : undefined
