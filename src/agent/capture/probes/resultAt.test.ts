import { describe, expect, it } from "vitest"
import { resultAt } from "./resultAt.ts"

const bytes = (hex: string): Uint8Array =>
  Uint8Array.from(hex.split(" "), (byte) => Number.parseInt(byte, 16))

describe("resultAt", () => {
  it.each([
    ["add $1, %eax; cmp $1, %eax; ja", "83 c0 01 83 f8 01 0f 87 ea 00 00 00", 6, 1],
    [
      "mov 0x18(%rsp), %rdi; add; mov %rdi, %r8; cmp; ja",
      "48 8b 7c 24 18 83 c0 01 49 89 f8 83 f8 01 77 10",
      14,
      1,
    ],
    ["mov %rax, %rbp; test %rbp, %rbp; jne", "48 89 c5 48 85 ed 0f 85 17 fd ff ff", 6, 0],
    ["mov %rax, %rbp; jmp", "48 89 c5 e9 1c fc ff ff", 3, 0],
    ["test %eax, %eax; je", "85 c0 74 02", 2, 0],
    ["sub $-1, %eax; je", "83 e8 ff 74 02", 3, 1],
    ["add $8, %r8; je", "49 83 c0 08 74 02", 4, 0],
    ["jmp", "eb 02", 0, 0],
  ])("follows %s", (_, hex, at, added) => {
    expect(resultAt(bytes(hex))).toEqual({ at, added })
  })

  it.each([
    ["mov 0x20(%rsp), %rax", "48 8b 44 24 20 74 02"],
    ["mov %rdx, %rax", "48 89 d0 74 02"],
    ["lea 1(%rax), %eax", "8d 40 01 74 02"],
    ["xor %eax, %eax", "31 c0 74 02"],
    ["and $1, %eax", "83 e0 01 74 02"],
    ["call", "e8 00 00 00 00 74 02"],
    ["ret", "c3 74 02"],
    ["pop %rax", "58 74 02"],
    ["no branch near", "85 c0 85 c0 85 c0 85 c0 85 c0 85 c0 85 c0 85 c0 74 02"],
    ["nothing", ""],
    ["half an instruction", "0f 87 ea"],
  ])("does not go on behind %s", (_, hex) => {
    expect(resultAt(hex === "" ? new Uint8Array(0) : bytes(hex))).toBeUndefined()
  })
})
