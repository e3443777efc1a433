import { spawn } from "node:child_process"
import { once } from "node:events"
import { copyFileSync, existsSync, mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { basename, join } from "node:path"
import { describe, expect, it } from "vitest"
import type { Probes } from "../native/Addon.ts"
import { tlsKind } from "../tls/tlsKind.ts"
import { hookText, LibraryProbes, type Probe, type ProbesTarget } from "./LibraryProbes.ts"

/** Remembers what it is told; `refusal`: code of the error that it answers with. */
class Target implements ProbesTarget {
  readonly attached: Array<ReadonlyArray<Probe>> = []
  readonly forgotten: Array<Uint8Array> = []
  detached = 0
  readonly #refusal: string | undefined

  constructor(refusal?: string) {
    this.#refusal = refusal
  }

  attachProbes(_path: string, probes: ReadonlyArray<Probe>): Promise<Probes> {
    if (this.#refusal !== undefined)
      return Promise.reject(Object.assign(new Error("refused"), { code: this.#refusal }))
    this.attached.push(probes)
    return Promise.resolve({} as Probes)
  }

  detachProbes(): Promise<void> {
    this.detached++
    return Promise.resolve()
  }

  forgetMapped(key: Uint8Array): void {
    this.forgotten.push(key)
  }

  forgetAllMapped(): void {
    this.forgotten.length = 0
  }
}

/** Looks at these processes and no others. */
const make = (target: Target, ...pids: ReadonlyArray<number>) => {
  const warnings: Array<string> = []
  const tls = new LibraryProbes({
    target,
    isForbidden: (pid) => !pids.includes(pid),
    log: (_level, message) => warnings.push(message),
  })
  tls.add(tlsKind)
  const look = async (): Promise<void> => {
    do tls.look()
    while (tls.stats()["probes_waiting"]! > 0 && (await tls.settle()) === undefined)
  }
  return { tls, look, warnings }
}

const program = basename(process.execPath)
const ssl = "/usr/lib/x86_64-linux-gnu/libssl.so.3"

describe("LibraryProbes", () => {
  it("hooks functions of a program that has a TLS library within, once for all its processes", async () => {
    const target = new Target()
    const { look, tls } = make(target, process.pid)
    await look()
    expect(tls.feature(tlsKind)).toMatchObject({
      on: true,
      hook: expect.stringContaining(`${program} (OpenSSL)`),
    })
    const before = target.attached.length
    const programs = new Set(target.attached.flat().map(([name]) => name))
    expect(programs).toContain("sonde_tls_write_ex")
    expect(programs).toContain("sonde_tls_return")
    tls.started(process.pid)
    await look()
    expect(target.attached.length).toBe(before)
    await tls.close()
    expect(target.detached).toBe(before)
  })

  it("takes away what is hooked of a kind, and hooks it again", async () => {
    const target = new Target()
    const { look, tls } = make(target, process.pid)
    const counts: Array<number> = []
    const kind = {
      ...tlsKind,
      name: "again",
      linked: () => [],
      hooked: (files: number) => counts.push(files),
    }
    tls.drop(tlsKind)
    await look()
    expect(tls.feature(tlsKind)).toBeUndefined()
    expect(target.detached).toBe(target.attached.length)
    tls.add(kind)
    await look()
    expect(tls.stats()["again_files"]).toBe(counts.at(-1))
    expect(counts.at(-1)).toBeGreaterThan(0)
    tls.drop(kind)
    await look()
    expect(counts.at(-1)).toBe(0)
    expect(target.detached).toBe(target.attached.length)
    await tls.close()
  })

  it("wants to hear again of files that it could not look at", async () => {
    const target = new Target()
    const { look, tls } = make(target)
    const key = Uint8Array.of(1)
    // Forbidden, and one that is gone.
    tls.mapped(process.pid, key)
    tls.mapped(4_194_400, key)
    await look()
    expect(tls.feature(tlsKind)!.hook).not.toContain(program)
    expect(target.forgotten).toEqual([key, key])
    await tls.close()
  })

  it("says why nothing can be hooked, and tries no further", async () => {
    const { look, tls, warnings } = make(new Target("EACCES"), process.pid)
    await look()
    tls.started(process.pid)
    await look()
    expect(tls.feature(tlsKind)).toMatchObject({
      on: false,
      missing: expect.stringContaining("CAP_SYS_ADMIN"),
    })
    expect(warnings.length).toBeGreaterThan(0)
    expect(tls.stats()["tls_files"]).toBe(0)
    await tls.close()
  })

  const needs = ["/usr/bin/python3", ssl].filter((path) => !existsSync(path))
  if (needs.length > 0) console.warn(`SKIPPED detaching: needs ${needs.join(", ")}`)
  it.skipIf(needs.length > 0)("takes its hooks away a minute after the last process is gone", async () => {
    const folder = mkdtempSync(join(tmpdir(), "sonde-tls-"))
    const library = join(folder, "libodd.so")
    copyFileSync(ssl, library)
    const load = `import ctypes, sys; ctypes.CDLL("${library}"); print("loaded", flush=True); sys.stdin.read()`
    const child = spawn("/usr/bin/python3", ["-c", load], { stdio: ["pipe", "pipe", "inherit"] })
    await once(child.stdout, "data")
    const target = new Target()
    const { look, tls } = make(target, child.pid!)
    await look()
    expect(tls.feature(tlsKind)!.hook).toContain("libodd.so")
    // It is not over while the process maps it, whatever was said.
    tls.ended(child.pid!)
    tls.expire(1_000_000)
    tls.expire(1_060_000)
    await look()
    tls.expire(1_061_000)
    expect(tls.feature(tlsKind)!.hook).toContain("libodd.so")
    child.stdin.end()
    await once(child, "close")
    tls.ended(child.pid!)
    tls.expire(2_000_000)
    tls.expire(2_059_000)
    expect(target.detached).toBe(0)
    tls.expire(2_060_000)
    await look()
    expect(target.detached).toBe(0)
    tls.expire(2_061_000)
    expect(target.detached).toBe(1)
    expect(tls.feature(tlsKind)!.hook).not.toContain("libodd.so")
    await tls.close()
    rmSync(folder, { recursive: true, force: true })
  })
})

describe("what is hooked, in words", () => {
  it("is which files, and which library where their names do not say it", () => {
    const files = (...names: ReadonlyArray<string>) => names.map((name) => ({ name, library: "OpenSSL" }))
    expect(hookText([])).toBe("uprobe: in no file now")
    expect(hookText(files("libssl.so.3", "node", "node"))).toBe("uprobe on libssl.so.3, node (OpenSSL)")
    const many = Array.from({ length: 8 }, (_, i) => `lib${i}.so`)
    expect(hookText(files(...many))).toMatch(/^uprobe on lib0.so, .*lib5.so, 2 more$/)
  })
})
