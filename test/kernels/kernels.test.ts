// The kernel programs and the whole capture on kernels of Debian, booted under software emulation. What README says of kernels is
// what runs here.

import * as Effect from "effect/Effect"
import { spawnSync } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir, userInfo } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { loadConfig } from "../../src/runtime/Config.ts"
import { boot } from "./boot.ts"
import { kernelImage, type KernelSource, kernels } from "./debianKernel.ts"
import { writeGuestSystem } from "./guestSystem.ts"

const programs = ["qemu-system-x86_64", "busybox", "apt-get", "dpkg", "strip"]
const missing = programs.filter((program) => spawnSync("sh", ["-c", `command -v ${program}`]).status !== 0)
if (userInfo().uid !== 0) missing.push("root")
if (missing.length > 0) console.warn(`SKIPPED: other kernels: missing ${missing.join(", ")}`)

/** Plain loads of kernel structures are allowed from 6.2 on. */
const older = new Set(["5.10", "6.1"])
const everywhere = [
  "system calls by tp_btf",
  "system calls by raw_tp",
  "system calls by tracepoint",
  "requests by system calls",
  "requests by packets",
  "requests within TLS",
]

const imageOf = (source: KernelSource): string | undefined => {
  try {
    return kernelImage(source)
  } catch (cause) {
    console.warn(`SKIPPED: kernel ${source.name} is not to be had: ${(cause as Error).message}`)
    return undefined
  }
}

describe.skipIf(missing.length > 0)("kernels of Debian", () => {
  const folder = mkdtempSync(join(tmpdir(), "sonde-kernels-"))
  const system = join(folder, "system.cpio")

  beforeAll(async () => {
    const { agent } = await Effect.runPromise(
      loadConfig({ file: undefined, environment: {}, flags: new Map() }),
    )
    writeGuestSystem(system, { agent })
  })
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  for (const source of kernels) {
    it(
      source.name,
      async ({ skip }) => {
        const image = imageOf(source)
        if (image === undefined) return skip("not to be had")
        const { console, findings, release } = await boot(image, system)
        expect(release, console.slice(-2_000)).not.toBe("")
        const wanted = older.has(source.name) ? everywhere : ["system calls by tp_btf direct", ...everywhere]
        expect(
          findings.filter(({ on }) => on).map(({ feature }) => feature),
          JSON.stringify(findings),
        ).toEqual(wanted)
      },
      600_000,
    )
  }
})
