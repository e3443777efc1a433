import { execFileSync, spawnSync } from "node:child_process"
import { fileURLToPath } from "node:url"
import { describe, expect, it } from "vitest"
import { instructionLength, returnsOf } from "./x64.ts"

const addon = fileURLToPath(new URL("../../../../build/sonde.node", import.meta.url))
const bytes = (hex: string): Uint8Array =>
  Uint8Array.from(hex.split(" "), (byte) => Number.parseInt(byte, 16))

const hasDisassembler = spawnSync("objdump", ["--version"]).status === 0
if (!hasDisassembler) console.warn("SKIPPED comparison with objdump: needs objdump")

describe("instructionLength", () => {
  it.each([
    ["c3", "ret"],
    ["49 3b 66 10", "cmp 0x10(%r14),%rsp"],
    ["48 b8 01 02 03 04 05 06 07 08", "movabs"],
    ["66 b8 01 02", "mov $0x201,%ax"],
    ["66 0f 1f 84 00 00 00 00 00", "nopw"],
    ["48 8b 84 24 88 00 00 00", "mov 0x88(%rsp),%rax"],
    ["0f 84 01 02 03 04", "je"],
    ["66 f7 c6 22 20", "test $0x2022,%si"],
    ["f6 d8", "neg %al"],
    ["c5 fe 6f 04 0a", "vmovdqu"],
    ["c5 f8 77", "vzeroupper"],
    ["c4 e3 7d 39 c0 01", "vextracti128"],
    ["f3 48 0f b8 c1", "popcnt"],
    ["48 8d 05 01 02 03 04", "lea 0x4030201(%rip),%rax"],
  ])("of %s", (hex) => {
    const code = bytes(hex)
    expect(instructionLength(code, 0)).toBe(code.length)
    // Cut short, it is none.
    expect(instructionLength(code.subarray(0, -1), 0)).toBe(0)
  })

  it("does not guess", () => {
    // EVEX, an invalid one
    expect(instructionLength(bytes("62 f1 7c 48 10 00"), 0)).toBe(0)
    expect(instructionLength(bytes("06 00 00"), 0)).toBe(0)
    expect(instructionLength(new Uint8Array(0), 0)).toBe(0)
  })

  it.skipIf(!hasDisassembler)("agrees with objdump on a whole library", () => {
    const text = execFileSync("objdump", ["-dw", "-j", ".text", addon], { encoding: "utf8" })
    const instructions = [...text.matchAll(/^ *[0-9a-f]+:\t((?:[0-9a-f]{2} )+)/gm)].map(([, hex]) =>
      hex!.trim(),
    )
    expect(instructions.length).toBeGreaterThan(1_000)
    expect(instructions.filter((hex) => instructionLength(bytes(hex), 0) !== hex.split(" ").length)).toEqual(
      [],
    )
  })
})

describe("returnsOf", () => {
  it("passes over bytes that only look like a return", () => {
    // mov $0xc3c3c3c3,%eax; ret; nop; ret
    expect(returnsOf(bytes("b8 c3 c3 c3 c3 c3 90 c3"))).toEqual([5, 7])
  })

  it("has none of a function that it cannot read to its end", () => {
    expect(returnsOf(bytes("c3 62 00 00 c3"))).toEqual([])
  })
})
