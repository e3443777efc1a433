// Where an ELF file (64-bit, x86-64) calls functions of other files: the stubs through which it jumps to them (PLT), and calls that
// go past stubs (-fno-plt). Both read the function's address from a slot that the dynamic linker fills. Never throws on bad files.

import { offsetOf, type Range, readAt, readHeader, segments, u64 } from "./elf.ts"

/** File offset of a call and of the instruction behind it. */
export interface Call {
  readonly at: number
  readonly next: number
}

export interface ImportSites {
  /** Calls of the function, through a stub or past it. */
  readonly calls: ReadonlyArray<Call>
  /** File offsets of jumps to the function: of its stub, and of functions that end with a call of it. */
  readonly jumps: ReadonlyArray<number>
}

const Tag = {
  pltRelocationBytes: 2,
  strings: 5,
  symbols: 6,
  relocations: 7,
  relocationBytes: 8,
  stringBytes: 10,
  plt: 23,
} as const
const relocationSize = 24
const symbolSize = 24
/** A slot for the address of a symbol, filled at once or at the first call. */
const slotRelocations: ReadonlySet<number> = new Set([6, 7])
/** A module that has more code than this is not one that is looked for. */
const maxCodeBytes = 8 * 1_048_576
const longestName = 64

/** FF /4 and FF /2 with the slot's address relative to the next instruction: 6 bytes. */
export const throughSlot = 0xff
const jump = 0x25
export const slotCall = 0x15
export const slotCallSize = 6
/** Call of an address relative to the next instruction: 5 bytes. */
export const nearCall = 0xe8
export const nearCallSize = 5
/** A stub may begin with ENDBR64, and its jump with BND. */
const endbr64 = 0xf30f1efa
const bnd = 0xf2

const nameOf = (strings: Buffer, at: number): string => {
  const end = strings.indexOf(0, at)
  return end < 0 || end - at > longestName ? "" : strings.toString("latin1", at, end)
}

/** Addresses of the slots, with the names of what they are for. */
const slots = (
  fd: number,
  loaded: ReadonlyArray<Range>,
  dynamic: Range,
  wanted: ReadonlySet<string>,
): ReadonlyMap<number, string> => {
  const found = new Map<number, string>()
  const entries = readAt(fd, dynamic.offset, dynamic.size)
  const values = new Map<number, number>()
  for (let at = 0; at + 16 <= entries.length; at += 16) values.set(u64(entries, at), u64(entries, at + 8))
  const table = (tag: number, size: number): Buffer =>
    readAt(fd, offsetOf(loaded, values.get(tag) ?? -1, false), size)
  const strings = table(Tag.strings, values.get(Tag.stringBytes) ?? 0)
  const symbols = offsetOf(loaded, values.get(Tag.symbols) ?? -1, false)
  if (symbols < 0) return found
  for (const [tag, size] of [
    [Tag.plt, Tag.pltRelocationBytes],
    [Tag.relocations, Tag.relocationBytes],
  ] as const) {
    const relocations = table(tag, values.get(size) ?? 0)
    for (let at = 0; at + relocationSize <= relocations.length; at += relocationSize) {
      if (!slotRelocations.has(relocations.readUInt32LE(at + 8))) continue
      // The table of symbols has no size of its own.
      const symbol = readAt(fd, symbols + relocations.readUInt32LE(at + 12) * symbolSize, symbolSize)
      if (symbol.length < symbolSize) continue
      const name = nameOf(strings, symbol.readUInt32LE(0))
      if (wanted.has(name)) found.set(u64(relocations, at), name)
    }
  }
  return found
}

/** Calls at which `target` knows the name of what is called, by the address where it lies. */
function* callsIn(
  code: Buffer,
  address: number,
  opcode: number,
  size: number,
  target: (address: number) => string | undefined,
): Generator<readonly [at: number, name: string]> {
  for (
    let at = code.indexOf(opcode);
    at >= 0 && at + size <= code.length;
    at = code.indexOf(opcode, at + 1)
  ) {
    const name = target(address + at + size + code.readInt32LE(at + size - 4))
    if (name !== undefined) yield [at, name]
  }
}

/** Sites of those functions of these names that the file imports and calls directly. */
export const importSites = (fd: number, wanted: ReadonlySet<string>): ReadonlyMap<string, ImportSites> => {
  const found = new Map<string, { readonly calls: Array<Call>; readonly jumps: Array<number> }>()
  const header = readHeader(fd)
  if (header === undefined) return found
  const { dynamic, loaded } = segments(fd, header)
  if (dynamic === undefined) return found
  const names = slots(fd, loaded, dynamic, wanted)
  if (names.size === 0) return found
  for (const name of names.values()) found.set(name, { calls: [], jumps: [] })
  const pieces = loaded
    .filter(({ isExecutable, size }) => isExecutable && size <= maxCodeBytes)
    .map((range) => ({ ...range, code: readAt(fd, range.offset, range.size) }))
  const stubs = new Map<number, string>()
  for (const { address, code, offset } of pieces) {
    for (const [at, name] of callsIn(code, address, throughSlot, slotCallSize, (slot) => names.get(slot))) {
      if (code[at + 1] === slotCall)
        found.get(name)!.calls.push({ at: offset + at, next: offset + at + slotCallSize })
      if (code[at + 1] !== jump) continue
      const begin = at > 0 && code[at - 1] === bnd ? at - 1 : at
      found.get(name)!.jumps.push(offset + begin)
      stubs.set(address + begin, name)
      if (begin >= 4 && code.readUInt32BE(begin - 4) === endbr64) stubs.set(address + begin - 4, name)
    }
  }
  for (const { address, code, offset } of pieces)
    for (const [at, name] of callsIn(code, address, nearCall, nearCallSize, (stub) => stubs.get(stub)))
      found.get(name)!.calls.push({ at: offset + at, next: offset + at + nearCallSize })
  return found
}
