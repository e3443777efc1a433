import { assert, describe, it } from "@effect/vitest"
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll } from "vitest"
import { KnownElsewhere } from "./KnownElsewhere.ts"

const directory = mkdtempSync(join(tmpdir(), "sonde-elsewhere-"))
const file = join(directory, "elsewhere.json")
afterAll(() => rmSync(directory, { recursive: true }))

const elsewhere = {
  home: "eu",
  label: "eu",
  afterSeconds: 30,
  regions: [{ name: "us", authority: "", control: ["us.example:20035"] }],
}

describe("KnownElsewhere", () => {
  it("is known over restarts, until the region says that it may go nowhere", () => {
    const first = new KnownElsewhere(directory)
    assert.isUndefined(first.current)
    assert.isTrue(first.tell(elsewhere))
    assert.strictEqual(statSync(file).mode & 0o777, 0o600)
    const next = new KnownElsewhere(directory)
    assert.deepStrictEqual(next.current, elsewhere)
    assert.isTrue(next.tell(undefined))
    assert.isFalse(existsSync(file))
    assert.isUndefined(new KnownElsewhere(directory).current)
  })

  it("is nothing where the file is not what it was", () => {
    writeFileSync(file, JSON.stringify({ ...elsewhere, regions: "us" }))
    assert.isUndefined(new KnownElsewhere(directory).current)
  })
})
