// What a function returned, a few instructions behind its call: at the first branch, which the kernel does itself when it is hooked. Only
// instructions are followed of which it is certain what they do to ax.

import { instructionLength } from "./x64.ts"

export interface ResultAt {
  /** Bytes behind the call. */
  readonly at: number
  /** ax is what was returned and that. */
  readonly added: number
}

const maxInstructions = 8

/** Jumps near and short, with and without a condition: `code[at]` is behind prefixes. */
const isBranch = (code: Uint8Array, at: number): boolean => {
  const opcode = code[at]!
  if (opcode === 0x0f) return (code[at + 1]! & 0xf0) === 0x80
  return (opcode & 0xf0) === 0x70 || opcode === 0xe9 || opcode === 0xeb
}

/** What the instruction adds to ax; undefined: something else happens to it, or that is not known. */
const addsTo = (code: Uint8Array, start: number): number | undefined => {
  const rex = (code[start]! & 0xf0) === 0x40 ? code[start]! : 0
  const at = rex === 0 ? start : start + 1
  const [opcode, modrm = 0] = [code[at]!, code[at + 1]]
  const isRegister = modrm >> 6 === 3
  const writesAx = {
    /** By the register that the instruction names first, and last. */
    register: (modrm & 0x38) === 0 && (rex & 4) === 0,
    operand: isRegister && (modrm & 7) === 0 && (rex & 1) === 0,
  }
  switch (opcode) {
    case 0x90: // nop
    case 0x3d: // cmp eax, immediate
    case 0x85: // test
    case 0x39: // cmp
    case 0x3b:
      return 0
    case 0x89: // mov to an operand
      return writesAx.operand ? undefined : 0
    case 0x8b: // mov to a register, lea
    case 0x8d:
      return writesAx.register ? undefined : 0
    case 0x83: {
      // By a number of one byte: add, sub, cmp
      const operation = (modrm >> 3) & 7
      if (operation === 7) return 0
      if (operation !== 0 && operation !== 5) return undefined
      if (!writesAx.operand) return isRegister ? 0 : undefined
      const number = (code[at + 2]! << 24) >> 24
      return operation === 0 ? number : -number
    }
  }
  return undefined
}

/** Undefined: there is no branch near, or something happens before that is not known. */
export const resultAt = (code: Uint8Array): ResultAt | undefined => {
  let added = 0
  let at = 0
  for (let i = 0; i < maxInstructions; i++) {
    const length = instructionLength(code, at)
    if (length === 0) return undefined
    if (isBranch(code, at)) return { at, added }
    const more = addsTo(code, at)
    if (more === undefined) return undefined
    added += more
    at += length
  }
  return undefined
}
