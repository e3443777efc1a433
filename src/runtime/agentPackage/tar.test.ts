import * as fc from "fast-check"
import { execFileSync } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, describe, it } from "vitest"
import { isPlainPath, TarError, tarEnd, tarFile, TarReader } from "./tar.ts"

const readAll = (archive: Uint8Array, chunk = archive.length) => {
  const files: Array<{ path: string; content: Buffer; isExecutable: boolean }> = []
  const reader = new TarReader({
    begin: (path, _, isExecutable) => void files.push({ path, content: Buffer.alloc(0), isExecutable }),
    content: (bytes) => {
      const last = files.at(-1)!
      last.content = Buffer.concat([last.content, bytes])
    },
    end: () => {},
  })
  for (let at = 0; at < archive.length; at += chunk) reader.push(archive.subarray(at, at + chunk))
  reader.finish()
  return files
}

const deep = `${"d".repeat(90)}/${"e".repeat(60)}/${"f".repeat(80)}.js`
const files = [
  { path: "a.js", content: Buffer.from("a"), isExecutable: false },
  { path: "bin/node", content: Buffer.alloc(1_024, 7), isExecutable: true },
  { path: "empty", content: Buffer.alloc(0), isExecutable: false },
  { path: deep, content: Buffer.alloc(513, 1), isExecutable: false },
]
const archive = Buffer.concat([
  ...files.flatMap(({ content, isExecutable, path }) => tarFile(path, content, isExecutable)),
  tarEnd,
])

describe("tar", () => {
  it("reads what it wrote, in pieces of any size", () => {
    for (const chunk of [1, 7, 511, 512, 513, archive.length])
      assert.deepStrictEqual(readAll(archive, chunk), files)
  })

  it("writes what the system's tar reads, and reads what that writes", () => {
    const directory = mkdtempSync(join(tmpdir(), "sonde-tar-"))
    try {
      writeFileSync(join(directory, "ours.tar"), archive)
      execFileSync("tar", ["xf", "ours.tar"], { cwd: directory })
      for (const { content, path } of files)
        assert.isTrue(readFileSync(join(directory, path)).equals(content), path)
      execFileSync("tar", ["cf", "theirs.tar", "--format=ustar", ...files.map(({ path }) => path)], {
        cwd: directory,
      })
      assert.deepStrictEqual(readAll(readFileSync(join(directory, "theirs.tar"))), files)
      execFileSync("ln", ["-s", "/etc/passwd", "link"], { cwd: directory })
      execFileSync("tar", ["cf", "link.tar", "--format=ustar", "link"], { cwd: directory })
      assert.throws(() => readAll(readFileSync(join(directory, "link.tar"))), /no plain file/)
    } finally {
      rmSync(directory, { recursive: true })
    }
  })

  it("refuses paths that leave the directory, also in archives of others", () => {
    for (const path of ["/etc/passwd", "../x", "a/../../x", "a//b", "", ".", "a\\b", "a\u0000b", "ü"]) {
      assert.isFalse(isPlainPath(path), path)
      assert.throws(() => tarFile(path, Buffer.alloc(0), false), TarError)
    }
    const [header] = tarFile("abc", Buffer.alloc(0), false)
    const forged = Buffer.from(header!)
    forged.write("../", 0, "latin1")
    const sum = [..."abc"].reduce((total, one) => total + one.charCodeAt(0), 0)
    const forgedSum = [..."../"].reduce((total, one) => total + one.charCodeAt(0), 0)
    const before = Number.parseInt(forged.toString("latin1", 148, 154), 8)
    forged.write((before - sum + forgedSum).toString(8).padStart(6, "0"), 148, "latin1")
    assert.throws(() => readAll(Buffer.concat([forged, tarEnd])), /not allowed/)
  })

  it("refuses archives that are cut off", () => {
    for (const length of [0, 100, 512, 600, archive.length - tarEnd.length])
      assert.throws(() => readAll(archive.subarray(0, length)), TarError)
  })

  it("fails with its own error whatever the bytes are", () => {
    const flipped = fc.tuple(fc.nat(archive.length - 1), fc.integer({ min: 1, max: 255 }))
    fc.assert(
      fc.property(fc.array(flipped, { minLength: 1, maxLength: 5 }), (changes) => {
        const bytes = Buffer.from(archive)
        for (const [at, by] of changes) bytes[at]! ^= by
        try {
          readAll(bytes)
        } catch (error) {
          assert.instanceOf(error, TarError)
        }
      }),
    )
  })
})
