// Makes bpf/btf/RELEASE.btf: of all types of a kernel those that Sonde's programs read, some 2 kB. Needed where a kernel does not tell
// its types itself (agent.kernelTypes). Usage: node scripts/kernelTypes.ts KERNEL RELEASE [FILE], where KERNEL is its types
// (/sys/kernel/btf/vmlinux of a machine that has them), its vmlinux with types (`pahole -J` puts them into one with debug
// information), or a compressed image of it.

import { execFileSync } from "node:child_process"
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { zstdDecompressSync } from "node:zlib"

const object = fileURLToPath(new URL("../build/bpf/sonde_without_types.bpf.o", import.meta.url))
const folder = fileURLToPath(new URL("../bpf/btf/", import.meta.url))

const elf = Buffer.from("\x7fELF", "latin1")
const btf = Buffer.from([0x9f, 0xeb])
/** How images of kernels are compressed: how that begins, and who undoes it. The end of the image is no part of it. */
const compressions: ReadonlyArray<readonly [Buffer, (packed: Buffer) => Buffer]> = [
  [Buffer.from("\xfd7zXZ\0", "latin1"), (packed) => piped("unxz", ["--single-stream", "--stdout"], packed)],
  [Buffer.from([0x28, 0xb5, 0x2f, 0xfd]), (packed) => zstdDecompressSync(packed)],
  [Buffer.from([0x02, 0x21, 0x4c, 0x18]), (packed) => piped("lz4", ["-d", "-c"], packed)],
]

/** What the program wrote, however it ended: behind what it can read there is more. */
const piped = (program: string, args: ReadonlyArray<string>, input: Buffer): Buffer => {
  try {
    return execFileSync(program, args, { input, maxBuffer: 2 ** 30, stdio: ["pipe", "pipe", "ignore"] })
  } catch (cause) {
    return (cause as { stdout?: Buffer }).stdout ?? Buffer.alloc(0)
  }
}

/** The kernel within its image (vmlinuz), or the file itself. */
export const unpackKernel = (image: Buffer): Buffer => {
  if (image.subarray(0, 4).equals(elf) || image.subarray(0, 2).equals(btf)) return image
  for (const [magic, unpack] of compressions) {
    for (let at = image.indexOf(magic); at >= 0; at = image.indexOf(magic, at + 1)) {
      try {
        const kernel = unpack(image.subarray(at))
        if (kernel.subarray(0, 4).equals(elf)) return kernel
      } catch {
        // These bytes begin something else.
      }
    }
  }
  throw new Error("this is neither a kernel, nor its types, nor an image that can be unpacked")
}

/** Writes to `target` what the programs need of the types of the kernel in `source`. */
export const trimTypes = (source: string, target: string): void => {
  const work = mkdtempSync(join(tmpdir(), "sonde-types-"))
  try {
    const kernel = join(work, "vmlinux")
    writeFileSync(kernel, unpackKernel(readFileSync(source)))
    mkdirSync(dirname(target), { recursive: true })
    execFileSync("/usr/sbin/bpftool", ["gen", "min_core_btf", kernel, target, object])
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
}

if (import.meta.main) {
  const [source, release, file] = process.argv.slice(2)
  if (source === undefined || release === undefined) {
    process.stderr.write("usage: node scripts/kernelTypes.ts KERNEL RELEASE [FILE]\n")
    process.exitCode = 2
  } else {
    const target = file ?? join(folder, `${release}.btf`)
    trimTypes(source, target)
    process.stdout.write(`${target}: ${readFileSync(target).length} bytes\n`)
  }
}
