// Lengths of x86-64 instructions (Intel SDM volume 2, chapter 2 and appendix A), as far as compilers emit them in 64-bit code, to find where
// a function returns: kernel hooks go to instructions, and a byte that looks like a return may lie within another one.

/** What follows an opcode. */
const M = 1 /* ModRM */
const I8 = 2
const I16 = 4
const I32 = 8 /* 16 bits with the operand prefix */
const MOFFS = 16
const BAD = 32

const fill = (table: Uint8Array, from: number, to: number, kind: number): void => {
  for (let i = from; i <= to; i++) table[i] = kind
}

const oneByte = ((): Uint8Array => {
  const table = new Uint8Array(256)
  for (let row = 0; row < 0x40; row += 8) {
    fill(table, row, row + 3, M)
    table[row + 4] = I8
    table[row + 5] = I32
    fill(table, row + 6, row + 7, BAD)
  }
  fill(table, 0x60, 0x62, BAD)
  table[0x63] = M
  table[0x68] = I32
  table[0x69] = M | I32
  table[0x6a] = I8
  table[0x6b] = M | I8
  fill(table, 0x70, 0x7f, I8)
  fill(table, 0x80, 0x83, M | I8)
  table[0x81] = M | I32
  table[0x82] = BAD
  fill(table, 0x84, 0x8f, M)
  fill(table, 0x9a, 0x9a, BAD)
  fill(table, 0xa0, 0xa3, MOFFS)
  table[0xa8] = I8
  table[0xa9] = I32
  fill(table, 0xb0, 0xb7, I8)
  fill(table, 0xb8, 0xbf, I32)
  fill(table, 0xc0, 0xc1, M | I8)
  table[0xc2] = I16
  fill(table, 0xc4, 0xc5, BAD)
  table[0xc6] = M | I8
  table[0xc7] = M | I32
  table[0xc8] = I16 | I8
  table[0xca] = I16
  table[0xcd] = I8
  table[0xce] = BAD
  fill(table, 0xd0, 0xd3, M)
  fill(table, 0xd4, 0xd6, BAD)
  fill(table, 0xd8, 0xdf, M)
  fill(table, 0xe0, 0xe7, I8)
  fill(table, 0xe8, 0xe9, I32)
  table[0xea] = BAD
  table[0xeb] = I8
  fill(table, 0xf6, 0xf7, M)
  fill(table, 0xfe, 0xff, M)
  return table
})()

/** Behind 0F. */
const twoBytes = ((): Uint8Array => {
  const table = new Uint8Array(256).fill(M)
  for (const none of [5, 6, 8, 9, 0x0b, 0x77, 0xa0, 0xa1, 0xa2, 0xa8, 0xa9, 0xaa]) table[none] = 0
  fill(table, 0x30, 0x37, 0)
  fill(table, 0xc8, 0xcf, 0)
  fill(table, 0x80, 0x8f, I32)
  for (const immediate of [0x70, 0x71, 0x72, 0x73, 0xa4, 0xac, 0xba, 0xc2, 0xc4, 0xc5, 0xc6])
    table[immediate] = M | I8
  for (const bad of [4, 7, 0x0a, 0x0c, 0x0e, 0x0f, 0x24, 0x25, 0x26, 0x27, 0x36, 0x39, 0x3b]) table[bad] = BAD
  fill(table, 0x3c, 0x3f, BAD)
  return table
})()

const isPrefix = (byte: number): boolean =>
  (byte >= 0x64 && byte <= 0x67) || byte === 0xf0 || byte === 0xf2 || byte === 0xf3 || (byte & 0xe7) === 0x26

/** ModRM with what belongs to it: a scale byte, a displacement. */
const modrmLength = (code: Uint8Array, at: number): number => {
  const modrm = code[at]!
  const [mode, register] = [modrm >> 6, modrm & 7]
  if (mode === 3) return 1
  const hasScale = register === 4
  const base = hasScale ? code[at + 1]! & 7 : register
  const displacement = mode === 1 ? 1 : mode === 2 || base === 5 ? 4 : 0
  return 1 + (hasScale ? 1 : 0) + displacement
}

/** Bytes of the instruction at `start`; 0: not known. */
export const instructionLength = (code: Uint8Array, start: number): number => {
  let at = start
  let isShort = false
  while (at < code.length && isPrefix(code[at]!)) if (code[at++] === 0x66) isShort = true
  let isWide = false
  if ((code[at]! & 0xf0) === 0x40) isWide = (code[at++]! & 8) !== 0
  let opcode = code[at++]!
  let kind: number
  if (opcode === 0xc4 || opcode === 0xc5) {
    // VEX: the map is in the first byte behind, or is that of 0F.
    const map = opcode === 0xc5 ? 1 : code[at]! & 0x1f
    at += opcode === 0xc5 ? 1 : 2
    opcode = code[at++]!
    const plain = twoBytes[opcode]!
    if (map === 1) kind = plain === 0 ? 0 : M | (plain & I8)
    else kind = map === 2 ? M : map === 3 ? M | I8 : BAD
  } else if (opcode === 0x0f) {
    opcode = code[at++]!
    if (opcode === 0x38 || opcode === 0x3a) {
      kind = opcode === 0x38 ? M : M | I8
      at++
    } else kind = twoBytes[opcode]!
    opcode = 0x100
  } else {
    kind = oneByte[opcode]!
    // TEST has an immediate, its neighbours have none.
    if ((opcode & 0xfe) === 0xf6 && (code[at]! & 0x38) < 0x10) kind |= opcode === 0xf6 ? I8 : I32
  }
  if (kind & BAD) return 0
  if (kind & M) at += modrmLength(code, at)
  if (kind & I8) at += 1
  if (kind & I16) at += 2
  if (kind & MOFFS) at += 8
  if (kind & I32) {
    // Jumps and calls are never short.
    const isJump = opcode === 0x100 || opcode === 0xe8 || opcode === 0xe9
    at += isWide && (opcode & 0xf8) === 0xb8 ? 8 : isShort && !isJump ? 2 : 4
  }
  return at <= code.length ? at - start : 0
}

/** Where a function whose code this is returns; empty when an instruction is not known. */
export const returnsOf = (code: Uint8Array): ReadonlyArray<number> => {
  const returns: Array<number> = []
  for (let at = 0; at < code.length;) {
    if (code[at] === 0xc3) returns.push(at)
    const length = instructionLength(code, at)
    if (length === 0) return []
    at += length
  }
  return returns
}
