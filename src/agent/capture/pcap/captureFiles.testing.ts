// Writes capture files for tests: classic pcap in all its variants, pcapng blocks in both byte orders.

import { bytesOf } from "../packet/packets.testing.ts"

export interface TestPacket {
  readonly bytes: Uint8Array
  /** Whole microseconds. */
  readonly timeUs: number
  readonly originalLength?: number
}

class Fields {
  readonly isLittle: boolean
  constructor(isLittle: boolean) {
    this.isLittle = isLittle
  }

  uint16(value: number): Uint8Array {
    const bytes = new Uint8Array(2)
    new DataView(bytes.buffer).setUint16(0, value, this.isLittle)
    return bytes
  }

  uint32(value: number): Uint8Array {
    const bytes = new Uint8Array(4)
    new DataView(bytes.buffer).setUint32(0, value, this.isLittle)
    return bytes
  }
}

export interface PcapOptions {
  readonly isLittle?: boolean
  readonly variant?: "micro" | "nano" | "modified"
  readonly linkType?: number
}

export const pcapFile = (packets: ReadonlyArray<TestPacket>, options: PcapOptions = {}): Uint8Array => {
  const { isLittle = true, linkType = 1, variant = "micro" } = options
  const fields = new Fields(isLittle)
  const magic = { micro: 0xa1b2c3d4, nano: 0xa1b23c4d, modified: 0xa1b2cd34 }[variant]
  const header = bytesOf(
    fields.uint32(magic),
    fields.uint16(2),
    fields.uint16(4),
    fields.uint32(0),
    fields.uint32(0),
    fields.uint32(65_535),
    fields.uint32(linkType),
  )
  const records = packets.map(({ bytes, originalLength, timeUs }) =>
    bytesOf(
      fields.uint32(Math.floor(timeUs / 1e6)),
      fields.uint32((timeUs % 1e6) * (variant === "nano" ? 1000 : 1)),
      fields.uint32(bytes.length),
      fields.uint32(originalLength ?? bytes.length),
      variant === "modified" ? new Uint8Array(8) : [],
      bytes,
    ),
  )
  return bytesOf(header, ...records)
}

/** Blocks of a pcapng file in one byte order. */
export class PcapngBlocks {
  private readonly fields: Fields

  constructor(isLittle = true) {
    this.fields = new Fields(isLittle)
  }

  block(type: number, ...body: ReadonlyArray<ArrayLike<number>>): Uint8Array {
    const { fields } = this
    const content = bytesOf(...body)
    const padded = bytesOf(content, new Uint8Array(-content.length & 3))
    const length = fields.uint32(padded.length + 12)
    return bytesOf(fields.uint32(type), length, padded, length)
  }

  section(): Uint8Array {
    const { fields } = this
    const anyLength = new Uint8Array(8).fill(255)
    return this.block(0x0a0d0d0a, fields.uint32(0x1a2b3c4d), fields.uint16(1), fields.uint16(0), anyLength)
  }

  /** `resolution` as in if_tsresol; undefined: without the option. */
  interface(linkType: number, resolution?: number, snapLength = 0): Uint8Array {
    const { fields } = this
    const options =
      resolution === undefined
        ? []
        : bytesOf(fields.uint16(9), fields.uint16(1), [resolution, 0, 0, 0], fields.uint32(0))
    return this.block(1, fields.uint16(linkType), fields.uint16(0), fields.uint32(snapLength), options)
  }

  /** `ticks` in units of the interface's resolution. */
  enhanced(interfaceId: number, ticks: bigint, bytes: Uint8Array, originalLength = bytes.length): Uint8Array {
    const { fields } = this
    return this.block(
      6,
      fields.uint32(interfaceId),
      fields.uint32(Number(ticks >> 32n)),
      fields.uint32(Number(ticks & 0xffffffffn)),
      fields.uint32(bytes.length),
      fields.uint32(originalLength),
      bytes,
    )
  }

  obsolete(interfaceId: number, ticks: bigint, bytes: Uint8Array): Uint8Array {
    const { fields } = this
    return this.block(
      2,
      fields.uint16(interfaceId),
      fields.uint16(0),
      fields.uint32(Number(ticks >> 32n)),
      fields.uint32(Number(ticks & 0xffffffffn)),
      fields.uint32(bytes.length),
      fields.uint32(bytes.length),
      bytes,
    )
  }

  simple(bytes: Uint8Array, originalLength = bytes.length): Uint8Array {
    return this.block(3, this.fields.uint32(originalLength), bytes)
  }
}
