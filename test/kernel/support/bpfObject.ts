// What a compiled BPF object asks of a kernel, read from the file: instructions, helpers, jumps, sections, relocations
// (Documentation/bpf/standardization/instruction-set.rst; ELF64, little endian).

export interface BpfProgramNeeds {
  readonly section: string
  readonly instructions: number
  /** Ids of the helpers it calls. */
  readonly helpers: ReadonlyArray<number>
  /** Calls of other programs or of functions of the kernel. */
  readonly calls: number
  /** Jumps on 32 bits, which came with 5.1. */
  readonly jumps32: number
  readonly atomics: number
  /** It can come back to an instruction. */
  readonly hasLoop: boolean
  /** Sections of the symbols whose addresses are put in. */
  readonly relocatedTo: ReadonlyArray<string>
}

export interface BpfObjectNeeds {
  readonly programs: ReadonlyArray<BpfProgramNeeds>
  /** Constants and variables, which are maps of a kind that came with 5.2. */
  readonly dataSections: ReadonlyArray<string>
  /** Places where offsets of the kernel's types are put in. */
  readonly typeRelocations: number
}

interface Section {
  readonly name: string
  readonly type: number
  readonly isCode: boolean
  readonly offset: number
  readonly size: number
  readonly link: number
  readonly info: number
}

const progbits = 1
const relocations = 9
const executable = 4n

const classOf = (code: number): number => code & 7
const jump = 5
const jump32 = 6
const store = 3
const atomicMode = 0xc0
const wide = 0x18
const call = 0x85
const exit = 0x95

/** Does a walk from the first instruction come back to one on its way? */
const hasLoop = (code: Buffer): boolean => {
  const count = code.length / 8
  const next = (at: number): ReadonlyArray<number> => {
    const opcode = code[at * 8]!
    if (opcode === exit) return []
    const target = at + 1 + code.readInt16LE(at * 8 + 2)
    if (opcode === 0x05) return [target]
    const isJump = (classOf(opcode) === jump || classOf(opcode) === jump32) && opcode !== call
    const after = at + (opcode === wide ? 2 : 1)
    return isJump ? [after, target] : [after]
  }
  /** 0: not seen, 1: on the way, 2: done. */
  const states = new Uint8Array(count)
  const way: Array<{ readonly at: number; readonly further: Array<number> }> = []
  const enter = (at: number): void => {
    states[at] = 1
    way.push({ at, further: [...next(at)] })
  }
  enter(0)
  while (way.length > 0) {
    const last = way.at(-1)!
    const to = last.further.pop()
    if (to === undefined) {
      states[last.at] = 2
      way.pop()
    } else if (states[to] === 1) return true
    else if (states[to] === 0) enter(to)
  }
  return false
}

export const readBpfObject = (bytes: Uint8Array): BpfObjectNeeds => {
  const elf = Buffer.from(bytes)
  const table = Number(elf.readBigUInt64LE(0x28))
  const count = elf.readUInt16LE(0x3c)
  const raw = Array.from({ length: count }, (_, i) => {
    const at = table + i * 64
    return {
      nameAt: elf.readUInt32LE(at),
      type: elf.readUInt32LE(at + 4),
      isCode: (elf.readBigUInt64LE(at + 8) & executable) !== 0n,
      offset: Number(elf.readBigUInt64LE(at + 24)),
      size: Number(elf.readBigUInt64LE(at + 32)),
      link: elf.readUInt32LE(at + 40),
      info: elf.readUInt32LE(at + 44),
    }
  })
  const names = raw[elf.readUInt16LE(0x3e)]!
  const text = (at: number): string => elf.toString("latin1", at, elf.indexOf(0, at))
  const sections = raw.map(({ nameAt, ...rest }): Section => ({ name: text(names.offset + nameAt), ...rest }))

  const relocatedTo = (index: number): ReadonlyArray<string> =>
    sections
      .filter(({ info, type }) => type === relocations && info === index)
      .flatMap(({ link, offset, size }) =>
        Array.from({ length: size / 16 }, (_, i) => {
          const symbol = elf.readUInt32LE(offset + i * 16 + 12)
          const section = elf.readUInt16LE(sections[link]!.offset + symbol * 24 + 6)
          return sections[section]?.name ?? "none"
        }),
      )

  const needs = (section: Section, index: number): BpfProgramNeeds => {
    const code = elf.subarray(section.offset, section.offset + section.size)
    const helpers: Array<number> = []
    let [calls, jumps32, atomics] = [0, 0, 0]
    for (let at = 0; at < code.length; at += code[at] === wide ? 16 : 8) {
      const opcode = code[at]!
      if (opcode === call && code[at + 1]! >> 4 === 0) helpers.push(code.readInt32LE(at + 4))
      else if (opcode === call) calls++
      else if (classOf(opcode) === jump32) jumps32++
      else if (classOf(opcode) === store && (opcode & 0xe0) === atomicMode) atomics++
    }
    return {
      section: section.name,
      instructions: code.length / 8,
      helpers: [...new Set(helpers)].toSorted((a, b) => a - b),
      calls,
      jumps32,
      atomics,
      hasLoop: hasLoop(code),
      relocatedTo: relocatedTo(index),
    }
  }
  const extension = sections.find(({ name }) => name === ".BTF.ext")
  return {
    programs: sections.flatMap((section, index) =>
      section.isCode && section.type === progbits && section.size > 0 ? [needs(section, index)] : [],
    ),
    dataSections: sections
      .filter(({ name, size }) => /^\.(rodata|data|bss)/.test(name) && size > 0)
      .map(({ name }) => name),
    // struct btf_ext_header: its length, then offset and length of the lists; that of relocations is the third.
    typeRelocations:
      extension === undefined || elf.readUInt32LE(extension.offset + 4) < 32
        ? 0
        : elf.readUInt32LE(extension.offset + 28),
  }
}
