import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, describe, expect, it } from "vitest"
import { type GoFunction, goFunctions } from "./goFunctions.ts"

// A program in Go without symbols.
const etcd = "/usr/bin/etcd"
const name = "crypto/tls.(*Conn).Read"
const isThere = existsSync(etcd)
if (!isThere) console.warn(`SKIPPED functions of Go programs: needs ${etcd}`)

const folder = mkdtempSync(join(tmpdir(), "sonde-go-"))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const find = (path: string, ...names: ReadonlyArray<string>): ReadonlyMap<string, GoFunction> => {
  const fd = openSync(path, "r")
  try {
    return goFunctions(fd, names)
  } finally {
    closeSync(fd)
  }
}

describe.skipIf(!isThere)("goFunctions", () => {
  it("finds where a function begins and returns, and none that is not there", () => {
    const found = find(etcd, name, "crypto/tls.(*Conn).None")
    expect([...found.keys()]).toEqual([name])
    const { entry, returns } = found.get(name)!
    const code = readFileSync(etcd)
    // cmp 0x10(%r14),%rsp: every function with a frame asks whether the stack has room.
    expect(code.subarray(entry, entry + 4).toString("hex")).toBe("493b6610")
    expect(returns.length).toBeGreaterThan(2)
    for (const at of returns) expect(code[at]).toBe(0xc3)
  })

  it("finds nothing in other programs, and never throws on tables that make no sense", () => {
    expect(find(process.execPath, name).size).toBe(0)
    const original = readFileSync(etcd)
    const table = original.indexOf(Buffer.from("f0ffffff00000108", "hex"))
    expect(table).toBeGreaterThan(0)
    const path = join(folder, "etcd")
    writeFileSync(path, original)
    for (let i = 0; i < 9; i++) {
      const bytes = Buffer.from(original)
      bytes.fill(0xf0 + i, table + 8 * i, table + 8 * i + 8)
      writeFileSync(path, bytes)
      expect(find(path, name).size).toBeLessThanOrEqual(1)
    }
  })
})
