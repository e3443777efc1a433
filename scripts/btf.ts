// Reads structures and enumerations from the BTF section of an ELF object (Documentation/bpf/btf.rst of the kernel).

export interface BtfMember {
  readonly name: string
  /** Bytes from the start of the structure. */
  readonly offset: number
}

export interface Btf {
  /** Size and members by structure name. */
  readonly structs: ReadonlyMap<string, { readonly size: number; readonly members: ReadonlyArray<BtfMember> }>
  /** Names and values by enumeration name. */
  readonly enums: ReadonlyMap<string, ReadonlyArray<readonly [name: string, value: number]>>
}

const section = (elf: DataView, wanted: string): DataView => {
  if (elf.getUint32(0) !== 0x7f454c46 || elf.getUint8(4) !== 2) throw new Error("not a 64-bit ELF file")
  const headers = Number(elf.getBigUint64(0x28, true))
  const size = elf.getUint16(0x3a, true)
  const count = elf.getUint16(0x3c, true)
  const namesAt = Number(elf.getBigUint64(headers + elf.getUint16(0x3e, true) * size + 0x18, true))
  for (let i = 0; i < count; i++) {
    const header = headers + i * size
    if (text(elf, namesAt + elf.getUint32(header, true)) !== wanted) continue
    const start = Number(elf.getBigUint64(header + 0x18, true))
    return new DataView(elf.buffer, elf.byteOffset + start, Number(elf.getBigUint64(header + 0x20, true)))
  }
  throw new Error(`no section ${wanted}`)
}

const text = (view: DataView, at: number): string => {
  let end = at
  while (view.getUint8(end) !== 0) end++
  return new TextDecoder().decode(new Uint8Array(view.buffer, view.byteOffset + at, end - at))
}

/** Bytes that follow a type's 12-byte header, by kind; kinds with elements are handled below. */
const fixedTail: Readonly<Record<number, number>> = { 1: 4, 3: 12, 14: 4, 17: 4 }
const elementSize: Readonly<Record<number, number>> = { 4: 12, 5: 12, 6: 8, 13: 8, 15: 12, 19: 12 }
const kindStruct = 4
const kindEnum = 6

export const readBtf = (object: Uint8Array): Btf => {
  const view = section(new DataView(object.buffer, object.byteOffset, object.byteLength), ".BTF")
  const headerLength = view.getUint32(4, true)
  const typesAt = headerLength + view.getUint32(8, true)
  const typesEnd = typesAt + view.getUint32(12, true)
  const stringsAt = headerLength + view.getUint32(16, true)
  const structs = new Map<string, { size: number; members: Array<BtfMember> }>()
  const enums = new Map<string, Array<readonly [string, number]>>()
  let at = typesAt
  while (at < typesEnd) {
    const name = text(view, stringsAt + view.getUint32(at, true))
    const info = view.getUint32(at + 4, true)
    const size = view.getUint32(at + 8, true)
    const kind = (info >>> 24) & 0x1f
    const count = info & 0xffff
    at += 12
    if (kind === kindStruct) {
      const members: Array<BtfMember> = []
      for (let i = 0; i < count; i++) {
        const member = at + i * 12
        const bits = view.getUint32(member + 8, true) & (info >>> 31 === 1 ? 0xff_ffff : 0xffff_ffff)
        members.push({ name: text(view, stringsAt + view.getUint32(member, true)), offset: bits / 8 })
      }
      structs.set(name, { size, members })
    } else if (kind === kindEnum) {
      const values: Array<readonly [string, number]> = []
      for (let i = 0; i < count; i++) {
        values.push([
          text(view, stringsAt + view.getUint32(at + i * 8, true)),
          view.getInt32(at + i * 8 + 4, true),
        ])
      }
      enums.set(name, values)
    }
    at += fixedTail[kind] ?? (elementSize[kind] ?? 0) * count
  }
  return { structs, enums }
}
