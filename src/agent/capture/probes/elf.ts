// Reads where functions lie in an ELF file (64-bit, x86-64): from the dynamic symbol table, which stripped files keep, and from the
// full one where there is one. Without section headers the dynamic segment tells. Answers what it finds; never throws on bad files.

import { readSync } from "node:fs"

/** More of a table than this is not looked at. */
const maxTableBytes = 96 * 1_048_576
const symbolSize = 24
const machineX64 = 62
const Section = { symtab: 2, dynsym: 11 } as const
const Segment = { load: 1, dynamic: 2 } as const
const Tag = { strtab: 5, symtab: 6, strsz: 10 } as const
const typeFunction = 2
const executable = 1

export interface Range {
  readonly offset: number
  readonly address: number
  readonly size: number
  readonly isExecutable: boolean
}

interface Table {
  readonly symbols: Buffer
  readonly strings: Buffer
}

const none = Buffer.alloc(0)

/** These bytes of the file; fewer or none where it ends. */
export const readAt = (fd: number, offset: number, size: number): Buffer => {
  if (!(size > 0 && size <= maxTableBytes && offset >= 0)) return none
  const bytes = Buffer.allocUnsafe(size)
  try {
    let read = 0
    while (read < size) {
      const got = readSync(fd, bytes, read, size - read, offset + read)
      if (got === 0) break
      read += got
    }
    return bytes.subarray(0, read)
  } catch {
    return none
  }
}

export const u64 = (bytes: Buffer, at: number): number => Number(bytes.readBigUInt64LE(at))

/** File offset of an address; -1: no such. */
export const offsetOf = (ranges: ReadonlyArray<Range>, address: number, wantExecutable: boolean): number => {
  for (const range of ranges) {
    if (wantExecutable && !range.isExecutable) continue
    if (address >= range.address && address < range.address + range.size)
      return address - range.address + range.offset
  }
  return -1
}

export const segments = (
  fd: number,
  header: Buffer,
): { loaded: ReadonlyArray<Range>; dynamic: Range | undefined } => {
  const [entrySize, count] = [header.readUInt16LE(54), header.readUInt16LE(56)]
  const loaded: Array<Range> = []
  let dynamic: Range | undefined
  if (entrySize < 56) return { loaded, dynamic }
  const table = readAt(fd, u64(header, 32), entrySize * count)
  for (let at = 0; at + 56 <= table.length; at += entrySize) {
    const range = {
      offset: u64(table, at + 8),
      address: u64(table, at + 16),
      size: u64(table, at + 32),
      isExecutable: (table.readUInt32LE(at + 4) & executable) !== 0,
    }
    const type = table.readUInt32LE(at)
    if (type === Segment.load) loaded.push(range)
    else if (type === Segment.dynamic) dynamic = range
  }
  return { loaded, dynamic }
}

/** Symbol tables by section headers: the small dynamic one first. */
function* tablesOfSections(fd: number, header: Buffer): Generator<Table> {
  const [entrySize, count] = [header.readUInt16LE(58), header.readUInt16LE(60)]
  if (entrySize < 64) return
  const sections = readAt(fd, u64(header, 40), entrySize * count)
  for (const wanted of [Section.dynsym, Section.symtab]) {
    for (let at = 0; at + 64 <= sections.length; at += entrySize) {
      if (sections.readUInt32LE(at + 4) !== wanted) continue
      const strings = sections.readUInt32LE(at + 40) * entrySize
      if (strings + 64 > sections.length) continue
      yield {
        symbols: readAt(fd, u64(sections, at + 24), u64(sections, at + 32)),
        strings: readAt(fd, u64(sections, strings + 24), u64(sections, strings + 32)),
      }
    }
  }
}

/** The dynamic symbol table has no size of its own: it ends at the latest where the strings begin, which linkers place behind it. */
function* tableOfSegment(fd: number, loaded: ReadonlyArray<Range>, dynamic: Range): Generator<Table> {
  const entries = readAt(fd, dynamic.offset, dynamic.size)
  const values = new Map<number, number>()
  for (let at = 0; at + 16 <= entries.length; at += 16) values.set(u64(entries, at), u64(entries, at + 8))
  const symbols = offsetOf(loaded, values.get(Tag.symtab) ?? -1, false)
  const strings = offsetOf(loaded, values.get(Tag.strtab) ?? -1, false)
  if (symbols < 0 || strings <= symbols) return
  yield {
    symbols: readAt(fd, symbols, strings - symbols),
    strings: readAt(fd, strings, values.get(Tag.strsz) ?? 0),
  }
}

/** The wanted one among the names that a symbol at `at` has: a version may follow. */
const nameAt = (
  strings: Buffer,
  at: number,
  wanted: ReadonlySet<string>,
  longest: number,
): string | undefined => {
  let end = at
  while (end < strings.length && end - at <= longest && strings[end] !== 0 && strings[end] !== 0x40) end++
  if (end - at > longest || end === strings.length) return undefined
  const name = strings.toString("latin1", at, end)
  return wanted.has(name) ? name : undefined
}

const search = (
  { strings, symbols }: Table,
  loaded: ReadonlyArray<Range>,
  wanted: ReadonlySet<string>,
  found: Map<string, number>,
): void => {
  const longest = Math.max(...[...wanted].map((name) => name.length))
  // The first bytes rule out nearly all.
  const beginnings = new Set([...wanted].map((name) => Buffer.from(name, "latin1").readUInt32LE(0)))
  for (let at = 0; at + symbolSize <= symbols.length; at += symbolSize) {
    const start = symbols.readUInt32LE(at)
    if (start + 4 > strings.length || !beginnings.has(strings.readUInt32LE(start))) continue
    // Undefined ones are of other files.
    if ((symbols[at + 4]! & 15) !== typeFunction || symbols.readUInt16LE(at + 6) === 0) continue
    const name = nameAt(strings, start, wanted, longest)
    if (name === undefined || found.has(name)) continue
    const offset = offsetOf(loaded, u64(symbols, at + 8), true)
    if (Number.isSafeInteger(offset) && offset >= 0) found.set(name, offset)
  }
}

export interface NamedFunction {
  readonly name: string
  readonly offset: number
}

/** A longer name is not looked at. */
const maxNameBytes = 512

/** Those functions of the full symbol table whose names begin with one of these 4 bytes and that are wanted; one for each offset. */
export const functionsThat = (
  fd: number,
  beginnings: ReadonlyArray<string>,
  isWanted: (name: string) => boolean,
): ReadonlyArray<NamedFunction> => {
  const found = new Map<number, NamedFunction>()
  const header = readHeader(fd)
  if (header === undefined || u64(header, 40) === 0) return []
  const { loaded } = segments(fd, header)
  const first = new Set(beginnings.map((name) => Buffer.from(name, "latin1").readUInt32LE(0)))
  for (const { strings, symbols } of tablesOfSections(fd, header)) {
    for (let at = 0; at + symbolSize <= symbols.length; at += symbolSize) {
      const start = symbols.readUInt32LE(at)
      if (start + 4 > strings.length || !first.has(strings.readUInt32LE(start))) continue
      if ((symbols[at + 4]! & 15) !== typeFunction || symbols.readUInt16LE(at + 6) === 0) continue
      const end = strings.indexOf(0, start)
      if (end < 0 || end - start > maxNameBytes) continue
      const name = strings.toString("latin1", start, end)
      if (!isWanted(name)) continue
      const offset = offsetOf(loaded, u64(symbols, at + 8), true)
      if (Number.isSafeInteger(offset) && offset >= 0) found.set(offset, { name, offset })
    }
  }
  return [...found.values()]
}

/** The first 64 bytes of an ELF file of the kind that is read here. */
export const readHeader = (fd: number): Buffer | undefined => {
  const header = readAt(fd, 0, 64)
  // 64 bits, little endian
  const isElf =
    header.length === 64 && header.readUInt32BE(0) === 0x7f454c46 && header[4] === 2 && header[5] === 1
  return isElf && header.readUInt16LE(18) === machineX64 ? header : undefined
}

/** The section of one of these names; undefined: there is none, or no names. */
export const section = (
  fd: number,
  header: Buffer,
  names: ReadonlySet<string>,
): Omit<Range, "isExecutable"> | undefined => {
  const [entrySize, count, namesAt] = [
    header.readUInt16LE(58),
    header.readUInt16LE(60),
    header.readUInt16LE(62),
  ]
  const sections = entrySize < 64 ? none : readAt(fd, u64(header, 40), entrySize * count)
  const named = namesAt * entrySize
  if (named + 64 > sections.length) return undefined
  const strings = readAt(fd, u64(sections, named + 24), u64(sections, named + 32))
  for (let at = 0; at + 64 <= sections.length; at += entrySize) {
    const start = sections.readUInt32LE(at)
    const end = strings.indexOf(0, start)
    if (end >= start && names.has(strings.toString("latin1", start, end)))
      return { address: u64(sections, at + 16), offset: u64(sections, at + 24), size: u64(sections, at + 32) }
  }
  return undefined
}

/** File offsets of those functions of these names (4 bytes or longer) that the file defines. */
export const functionOffsets = (fd: number, wanted: ReadonlySet<string>): ReadonlyMap<string, number> => {
  const found = new Map<string, number>()
  const header = readHeader(fd)
  if (header === undefined) return found
  const { dynamic, loaded } = segments(fd, header)
  const hasSections = u64(header, 40) !== 0 && header.readUInt16LE(60) > 0
  const tables = hasSections
    ? tablesOfSections(fd, header)
    : dynamic === undefined
      ? []
      : tableOfSegment(fd, loaded, dynamic)
  for (const table of tables) {
    search(table, loaded, wanted, found)
    if (found.size > 0) break
  }
  return found
}
