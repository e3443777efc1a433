// The system that the tested kernels boot: busybox, Node with its libraries, and this checkout's agent, as one initial RAM disk.

import { execFileSync } from "node:child_process"
import { cpSync, copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"

const checkout = fileURLToPath(new URL("../../", import.meta.url))

/** What /init does: mounts what the agent looks at, runs the script, switches the machine off. */
const init = `#!/bin/sh
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t tmpfs tmpfs /tmp
mount -t tracefs tracefs /sys/kernel/tracing
mount -t bpf bpf /sys/fs/bpf
mount -t devtmpfs dev /dev
ip link set lo up
cd /sonde
/bin/node --disable-warning=ExperimentalWarning test/kernels/guest.ts 2>&1
echo "guest: ended with $?"
poweroff -f
`

const librariesOf = (file: string): ReadonlyArray<string> =>
  [...execFileSync("ldd", [file], { encoding: "utf8" }).matchAll(/(\/\S+) \(0x/g)].map((match) => match[1]!)

/** Files with types by the release of a kernel: its own, and those of another one. */
export interface GuestTypes {
  readonly own: ReadonlyMap<string, string>
  readonly foreign: ReadonlyMap<string, string>
}

/** Writes the RAM disk to `file`; `options` is for the guest's script. */
export const writeGuestSystem = (file: string, options: unknown, types: GuestTypes): void => {
  const root = mkdtempSync(join(tmpdir(), "sonde-guest-"))
  try {
    for (const folder of ["bin", "proc", "sys", "tmp", "dev", "sonde/build"])
      mkdirSync(join(root, folder), { recursive: true })
    copyFileSync("/bin/busybox", join(root, "bin/busybox"))
    for (const name of ["sh", "mount", "ip", "poweroff", "echo"])
      symlinkSync("busybox", join(root, "bin", name))
    writeFileSync(join(root, "init"), init, { mode: 0o755 })
    execFileSync("strip", ["-o", join(root, "bin/node"), process.execPath])
    const addon = join(checkout, "build/sonde.node")
    for (const library of new Set([...librariesOf(process.execPath), ...librariesOf(addon)])) {
      mkdirSync(join(root, dirname(library)), { recursive: true })
      copyFileSync(library, join(root, library))
    }
    for (const path of ["build/sonde.node", "build/bpf", "package.json", "src", "test/kernels"])
      cpSync(join(checkout, path), join(root, "sonde", path), { recursive: true })
    for (const [folder, files] of [
      ["btf", types.own],
      ["foreign", types.foreign],
    ] as const) {
      mkdirSync(join(root, "sonde/build/bpf", folder), { recursive: true })
      for (const [release, path] of files)
        copyFileSync(path, join(root, "sonde/build/bpf", folder, `${release}.btf`))
    }
    writeFileSync(join(root, "sonde/options.json"), JSON.stringify(options))
    execFileSync("sh", ["-c", `find . | busybox cpio -o -H newc 2>/dev/null >'${file}'`], { cwd: root })
  } finally {
    rmSync(root, { recursive: true, force: true })
  }
}
