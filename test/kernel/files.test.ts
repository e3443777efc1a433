// Calls on files that have to wait: real ones, on the disk of this machine.

import { mkdtempSync, rmSync, statSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, expect, it } from "vitest"
import { fileOperation } from "../../src/agent/capture/layout.gen.ts"
import { describeSystem } from "../system/support/system.ts"
import type { FileEvent } from "./support/events.ts"
import { hooks, needed, type Traced, trace } from "./support/tracing.ts"

const ownFiles = ({ events, pid }: Traced): ReadonlyArray<FileEvent> =>
  events.filter((event): event is FileEvent => event.kind === "file" && event.tgid === pid)

const mebibyte = 1_048_576

describeSystem("calls on files", needed, () => {
  let folder: string
  beforeAll(() => void (folder = mkdtempSync(join(tmpdir(), "sonde-files-"))))
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  /** Writes three mebibytes and syncs each, reads them past the page cache, and does as much that need not wait. */
  const script = (): string => `
path = ${JSON.stringify(join(folder, "a directory", "file.bin"))}
os.makedirs(os.path.dirname(path), exist_ok=True)
fd = os.open(path, os.O_CREAT | os.O_RDWR | os.O_TRUNC, 0o640)
for i in range(3):
    os.write(fd, b"x" * ${mebibyte}); os.fsync(fd)
direct = os.open(path, os.O_RDONLY | os.O_DIRECT)
room = mmap.mmap(-1, ${mebibyte})
for i in (1, 0, 2): os.preadv(direct, [room], i * ${mebibyte})
os.lseek(direct, ${mebibyte}, os.SEEK_SET); os.readv(direct, [room])
os.lseek(fd, 0, os.SEEK_SET)
for i in range(100): os.read(fd, 100)
client, server = pair()
for i in range(100): client.send(b"x" * 100); server.recv(4096)
done()`

  for (const hook of hooks) {
    it(`are told of when they waited, and only then: ${hook}`, () => {
      const traced = trace({ hook, script: script(), files: { slowUs: 0 } })
      const path = join(folder, "a directory", "file.bin")
      const own = ownFiles(traced).filter((event) => event.path === path)
      const of = (operation: number) => own.filter((event) => event.operation === operation)
      expect(of(fileOperation.sync)).toHaveLength(3)
      expect(of(fileOperation.read).map(({ bytes, offset }) => [bytes, offset])).toEqual(
        [1, 0, 2, 1].map((at) => [mebibyte, at * mebibyte]),
      )
      for (const event of own) {
        expect(event.waitNs).toBeGreaterThan(0)
        expect(event.waitNs).toBeLessThan(20e9)
        expect(event.isWhole).toBe(true)
        expect(event.error).toBe(0)
        expect(event.mode & 0o777).toBe(0o640)
      }
      expect(traced.fileSums[fileOperation.sync]).toEqual({ count: 3, bytes: 0 })
      expect(traced.fileSums[fileOperation.read]).toEqual({ count: 4, bytes: 4 * mebibyte })
    })
  }

  it("are told of one by one only when they are slow, and else summed", () => {
    const traced = trace({ script: script(), files: { slowUs: 1_000_000 * 60 } })
    const own = ownFiles(traced)
    expect(own.filter(({ isSlow }) => isSlow)).toEqual([])
    // One of each kind, for the names.
    const named = own.filter(({ path }) => path.startsWith(folder)).map(({ operation }) => operation)
    expect(new Set(named).size).toBe(named.length)
    expect(traced.fileSums[fileOperation.sync]).toEqual({ count: 3, bytes: 0 })
  })

  it("are bounded in a second, and what is left out is counted", () => {
    const traced = trace({
      files: { slowUs: 0, eventsPerCpu: 4 },
      script: `
fd = os.open(${JSON.stringify(join(folder, "many"))}, os.O_CREAT | os.O_RDWR)
for i in range(60): os.write(fd, b"x"); os.fsync(fd)
done()`,
    })
    const syncs = ownFiles(traced).filter(({ operation }) => operation === fileOperation.sync)
    expect(syncs.length).toBeLessThan(60)
    expect(syncs.length + traced.counters.file_refused).toBeGreaterThanOrEqual(60)
    expect(traced.fileSums[fileOperation.sync]!.count).toBe(60)
  })

  it("of excluded processes are left alone, and nothing is followed unless it is wanted", () => {
    expect(ownFiles(trace({ script: script(), files: { slowUs: 0 }, excludeProcess: true }))).toEqual([])
    expect(ownFiles(trace({ script: script() }))).toEqual([])
  })

  it("have the path that the process sees, across mounts, as long as it fits", () => {
    const deep = Array.from({ length: 30 }, (_, i) => `level-${i}`).join("/")
    const traced = trace({
      files: { slowUs: 0 },
      script: `
deep = ${JSON.stringify(join(folder, deep))}
os.makedirs(deep, exist_ok=True)
fd = os.open(deep + "/end", os.O_CREAT | os.O_RDWR)
os.write(fd, b"x"); os.fsync(fd)
done()`,
    })
    const found = ownFiles(traced).find(({ path }) => path.endsWith("/level-29/end"))
    expect(found?.isWhole).toBe(false)
    expect(join(folder, deep, "end").endsWith(found!.path)).toBe(true)
    expect(statSync(join(folder, deep, "end")).size).toBe(1)
  })
})
