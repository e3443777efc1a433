import { execFileSync } from "node:child_process"
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { afterAll, describe, expect, it } from "vitest"
import { functionOffsets, functionsThat } from "./elf.ts"

const folder = mkdtempSync(join(tmpdir(), "sonde-elf-"))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const name = "napi_register_module_v1"
const addon = readFileSync(fileURLToPath(new URL("../../../../build/sonde.node", import.meta.url)))

/** What is found in a file of these bytes. */
const find = (bytes: Uint8Array, ...names: ReadonlyArray<string>): ReadonlyMap<string, number> => {
  const path = join(folder, "file")
  writeFileSync(path, bytes)
  const fd = openSync(path, "r")
  try {
    return functionOffsets(fd, new Set(names))
  } finally {
    closeSync(fd)
  }
}

/** Offset of this function as compilers' tools know it: its address, in the segment that is loaded at it. */
const expected = (): number => {
  const path = join(folder, "addon")
  writeFileSync(path, addon)
  const symbols = execFileSync("nm", ["-D", path], { encoding: "utf8" })
  const address = Number.parseInt(new RegExp(`^([0-9a-f]+) T ${name}$`, "m").exec(symbols)![1]!, 16)
  const segments = execFileSync("readelf", ["-lW", path], { encoding: "utf8" })
  for (const [, offset, start, size] of segments.matchAll(/LOAD\s+0x(\w+) 0x(\w+) 0x\w+ 0x(\w+) \S+ R E/g)) {
    const at = address - Number.parseInt(start!, 16)
    if (at >= 0 && at < Number.parseInt(size!, 16)) return at + Number.parseInt(offset!, 16)
  }
  throw new Error("no segment")
}

describe("functionOffsets", () => {
  it("finds what a file defines, and nothing that it only uses", () => {
    expect([...find(addon, name, "napi_create_function", "none_of_these")]).toEqual([[name, expected()]])
  })

  it("finds by a part of the name, each function once", () => {
    const path = join(folder, "whole")
    writeFileSync(path, addon)
    const fd = openSync(path, "r")
    try {
      expect(functionsThat(fd, ["napi", "none"], (one) => one.includes("register_module_v1"))).toEqual([
        { name, offset: expected() },
      ])
      expect(functionsThat(fd, ["none"], () => true)).toEqual([])
    } finally {
      closeSync(fd)
    }
  })

  it("does without section headers", () => {
    const bytes = Buffer.from(addon)
    bytes.writeBigUInt64LE(0n, 40)
    bytes.writeUInt16LE(0, 60)
    expect([...find(bytes, name)]).toEqual([[name, expected()]])
  })

  it("answers nothing for other files", () => {
    expect(find(Buffer.from("#!/bin/sh\n"), name).size).toBe(0)
    expect(find(new Uint8Array(0), name).size).toBe(0)
    const other = Buffer.from(addon)
    // AArch64
    other.writeUInt16LE(183, 18)
    expect(find(other, name).size).toBe(0)
  })

  it("never throws, whatever stands where headers and tables should be", () => {
    let seed = 1
    const random = (below: number): number => {
      seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0
      return seed % below
    }
    const tables = Number(addon.readBigUInt64LE(40))
    for (let i = 0; i < 300; i++) {
      const bytes = Buffer.from(addon.subarray(0, i % 3 === 0 ? random(addon.length) : addon.length))
      // Headers, program headers, section headers, the dynamic symbol table.
      for (let j = 0; j < 20; j++) {
        const at = i % 2 === 0 ? 16 + random(600) : tables + random(addon.length - tables)
        if (at < bytes.length) bytes[at] = random(256)
      }
      for (const offset of find(bytes, name).values()) expect(Number.isSafeInteger(offset)).toBe(true)
      const fd = openSync(join(folder, "file"), "r")
      for (const { offset } of functionsThat(fd, ["napi"], () => true))
        expect(Number.isSafeInteger(offset)).toBe(true)
      closeSync(fd)
    }
  })
})
