// Where functions of a Go program lie and return: from the table that the Go runtime keeps for its own use (pclntab), which is there in
// stripped programs too. Layout: src/debug/gosym/pclntab.go and src/runtime/symtab.go of Go 1.18 and later; earlier programs have
// another calling convention or another table and are left out. Never throws on bad files.

import { offsetOf, type Range, readAt, readHeader, section, segments, u64 } from "../probes/elf.ts"
import { returnsOf } from "../probes/x64.ts"

/** File offsets. */
export interface GoFunction {
  readonly entry: number
  readonly returns: ReadonlyArray<number>
}

const sectionNames: ReadonlySet<string> = new Set([".gopclntab", ".data.rel.ro.gopclntab"])
const textSection: ReadonlySet<string> = new Set([".text"])
/** First four bytes of the table, by which Go it is: 1.18, 1.20. */
const magics: ReadonlySet<number> = new Set([0xfffffff0, 0xfffffff1])
const headerSize = 72
/** A function that is longer is none of those that are looked for. */
const maxFunctionBytes = 65_536

/** Offset of the name in the table of names; -1: it is not there. */
const nameOffset = (table: Buffer, from: number, to: number, name: string): number => {
  const at = table.subarray(from, to).indexOf(`\0${name}\0`, 0, "latin1")
  return at < 0 ? -1 : at + 1
}

/** A function with a frame first asks whether the stack has room: cmp 16(r14), rsp, or lea -n(rsp), r12. */
const beginsFunction = (code: Buffer): boolean =>
  code.length >= 4 && (code.readUInt32BE(0) === 0x493b6610 || code.readUInt16BE(0) === 0x4c8d)

const functionAt = (
  fd: number,
  loaded: ReadonlyArray<Range>,
  start: number,
  end: number,
): GoFunction | undefined => {
  const entry = offsetOf(loaded, start, true)
  if (entry < 0 || end <= start || end - start > maxFunctionBytes) return undefined
  const code = readAt(fd, entry, end - start)
  // An address that is wrong is hardly one where a function begins.
  if (!beginsFunction(code)) return undefined
  const returns = returnsOf(code).map((at) => entry + at)
  return returns.length === 0 ? undefined : { entry, returns }
}

/** Those functions of these names that the program has. */
export const goFunctions = (fd: number, names: ReadonlyArray<string>): ReadonlyMap<string, GoFunction> => {
  const found = new Map<string, GoFunction>()
  const header = readHeader(fd)
  if (header === undefined) return found
  const place = section(fd, header, sectionNames)
  if (place === undefined) return found
  const table = readAt(fd, place.offset, place.size)
  if (table.length < headerSize || !magics.has(table.readUInt32LE(0)) || table[7] !== 8) return found
  const count = u64(table, 8)
  // Since 1.26 it is not told: the code begins with the section, if no C code was put before it.
  const text = u64(table, 24) || (section(fd, header, textSection)?.address ?? 0)
  const [nameTable, nameEnd, functions] = [u64(table, 32), u64(table, 40), u64(table, 64)]
  // Each entry: where the function begins, behind `text`; where more is told of it, behind the table of functions.
  if (text === 0 || functions + count * 8 + 4 > table.length || nameTable > nameEnd) return found
  const wanted = new Map(names.map((name) => [nameOffset(table, nameTable, nameEnd, name), name]))
  wanted.delete(-1)
  if (wanted.size === 0) return found
  const { loaded } = segments(fd, header)
  for (let i = 0; i < count; i++) {
    const at = functions + i * 8
    const details = functions + table.readUInt32LE(at + 4)
    if (details + 8 > table.length) continue
    const name = wanted.get(table.readInt32LE(details + 4))
    if (name === undefined) continue
    const one = functionAt(fd, loaded, text + table.readUInt32LE(at), text + table.readUInt32LE(at + 8))
    if (one !== undefined) found.set(name, one)
  }
  return found
}
