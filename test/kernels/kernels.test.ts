// The kernel programs and the whole capture on kernels of Debian, booted under software emulation. What README says of kernels is
// what runs here.

import * as Effect from "effect/Effect"
import { spawnSync } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir, userInfo } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { trimTypes } from "../../scripts/kernelTypes.ts"
import { loadConfig } from "../../src/runtime/Config.ts"
import { boot } from "./boot.ts"
import { kernelImage, type KernelSource, kernels, releaseOf } from "./debianKernel.ts"
import { type GuestTypes, writeGuestSystem } from "./guestSystem.ts"

const programs = ["qemu-system-x86_64", "busybox", "apt-get", "dpkg", "strip", "unxz", "/usr/sbin/bpftool"]
const missing = programs.filter((program) => spawnSync("sh", ["-c", `command -v ${program}`]).status !== 0)
if (userInfo().uid !== 0) missing.push("root")
if (missing.length > 0) console.warn(`SKIPPED: other kernels: missing ${missing.join(", ")}`)

/** Plain loads of kernel structures are allowed from 6.2 on. */
const older = new Set(["5.10", "6.1"])
const everywhere = [
  "system calls by tp_btf",
  "system calls by raw_tp",
  "system calls by tracepoint",
  "waits for files by tp_btf",
  "waits for files by raw_tp",
  "waits for files by tracepoint",
  "datagrams by tp_btf",
  "datagrams by raw_tp",
  "datagrams by tracepoint",
  "connections by TCP's counters",
  "requests by system calls",
  "requests by packets",
  "requests within TLS",
  "requests by system calls, types from a file",
  "requests within TLS, types from a file",
  "types of another kernel are refused",
  "requests by the programs for old kernels",
]

const imageOf = (source: KernelSource): string | undefined => {
  try {
    return kernelImage(source)
  } catch (cause) {
    console.warn(`SKIPPED: kernel ${source.name} is not to be had: ${(cause as Error).message}`)
    return undefined
  }
}

/** The trimmed types of each kernel as files, and those of the oldest for the others, of the newest for it. */
const typesOf = (images: ReadonlyArray<string>, folder: string): GuestTypes => {
  const releases = images.map(releaseOf)
  const own = new Map(
    images.map((image, at) => {
      const file = join(folder, `${releases[at]}.btf`)
      trimTypes(image, file)
      return [releases[at]!, file] as const
    }),
  )
  const foreign = new Map(
    releases.map((release, at) => [release, own.get(at === 0 ? releases.at(-1)! : releases[0]!)!] as const),
  )
  return { own, foreign }
}

describe.skipIf(missing.length > 0)("kernels of Debian", () => {
  const folder = mkdtempSync(join(tmpdir(), "sonde-kernels-"))
  const system = join(folder, "system.cpio")
  const images = new Map<KernelSource, string>()

  beforeAll(async () => {
    const { agent } = await Effect.runPromise(
      loadConfig({ file: undefined, environment: {}, flags: new Map() }),
    )
    const found = kernels.flatMap((source) => {
      const image = imageOf(source)
      if (image !== undefined) images.set(source, image)
      return image === undefined ? [] : [image]
    })
    writeGuestSystem(system, { agent }, typesOf(found, folder))
  }, 600_000)
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  for (const source of kernels) {
    it(
      source.name,
      async ({ skip }) => {
        const image = images.get(source)
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
