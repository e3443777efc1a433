import { execFileSync, spawnSync } from "node:child_process"
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { afterAll, describe, expect, it } from "vitest"
import { importSites, type ImportSites } from "./imports.ts"

const folder = mkdtempSync(join(tmpdir(), "sonde-imports-"))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const find = (path: string, ...names: ReadonlyArray<string>): ReadonlyMap<string, ImportSites> => {
  const fd = openSync(path, "r")
  try {
    return importSites(fd, new Set(names))
  } finally {
    closeSync(fd)
  }
}

/** The text of the instruction at this offset, as a disassembler has it; code of such small libraries lies at its offset. */
const instruction = (path: string, offset: number): string => {
  const range = [`--start-address=${offset}`, `--stop-address=${offset + 8}`]
  const text = execFileSync("objdump", ["-d", "--no-show-raw-insn", ...range, path], { encoding: "utf8" })
  return new RegExp(`^ *${offset.toString(16)}:\\s+(.*)$`, "m").exec(text)?.[1] ?? ""
}

const source = `
#include <stdlib.h>
int one(char **end) { return (int)strtol("1", end, 10) + 1; }
long last(char **end) { return strtol("2", end, 10); }
int other(void) { return abs(1) + rand() + 2; }
`

const build = (name: string, ...flags: ReadonlyArray<string>): string => {
  const path = join(folder, name)
  writeFileSync(join(folder, "source.c"), source)
  execFileSync("cc", ["-O2", "-fPIC", "-shared", ...flags, "-o", path, join(folder, "source.c")])
  return path
}

const lacks = ["cc", "objdump"].filter((tool) => spawnSync(tool, ["--version"]).status !== 0)
if (lacks.length > 0) console.warn(`SKIPPED sites of imports in built files: needs ${lacks.join(", ")}`)

describe("importSites", () => {
  describe.skipIf(lacks.length > 0)("in a library", () => {
    for (const [name, flags] of [
      ["plain.so", []],
      ["protected.so", ["-fcf-protection=full", "-Wl,-z,ibtplt"]],
      ["stripped.so", ["-s"]],
      ["now.so", ["-Wl,-z,now"]],
    ] as const)
      it(`finds the stub: ${name}`, () => {
        const path = build(name, ...flags)
        const sites = find(path, "rand", "one", "none_of_these")
        expect([...sites.keys()]).toEqual(["rand"])
        const { calls, jumps } = sites.get("rand")!
        expect(jumps.map((at) => instruction(path, at))).toEqual([
          expect.stringMatching(/^(bnd )?jmp +\*.*#/),
        ])
        expect(calls.map(({ at }) => instruction(path, at))).toEqual([expect.stringMatching(/^call /)])
        // What abs and rand gave is added.
        expect(instruction(path, calls[0]!.next)).toMatch(/^(add|lea) /)
      })

    it("finds calls that go past stubs, and jumps in their place", () => {
      const path = build("direct.so", "-fno-plt", "-Wl,-z,now")
      const { calls, jumps } = find(path, "strtol").get("strtol")!
      expect(calls.map(({ at }) => instruction(path, at))).toEqual([expect.stringMatching(/^call +\*/)])
      expect(jumps.map((at) => instruction(path, at))).toEqual([expect.stringMatching(/^jmp +\*/)])
      expect(instruction(path, calls[0]!.next)).toMatch(/^add /)
    })
  })

  it("never throws, whatever stands where headers and tables should be", () => {
    const addon = readFileSync(fileURLToPath(new URL("../../../../build/sonde.node", import.meta.url)))
    const path = join(folder, "broken")
    let seed = 1
    const random = (below: number): number => {
      seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0
      return seed % below
    }
    const dynamic = addon.indexOf("napi_create_function")
    expect(dynamic).toBeGreaterThan(0)
    for (let i = 0; i < 200; i++) {
      const bytes = Buffer.from(addon.subarray(0, i % 3 === 0 ? random(addon.length) : addon.length))
      for (let j = 0; j < 20; j++) {
        const at = i % 2 === 0 ? 16 + random(600) : random(addon.length)
        if (at < bytes.length) bytes[at] = random(256)
      }
      writeFileSync(path, bytes)
      for (const { calls, jumps } of find(path, "napi_create_function").values())
        for (const at of [...calls.map((call) => call.next), ...jumps])
          expect(Number.isSafeInteger(at)).toBe(true)
    }
  })
})
