// Where the kernel's types (BTF) come from, by which the offsets of its structures are known: the kernel itself, or for one that does
// not tell them a file, given in the configuration or found by the kernel's release. A file is some 2 kB: only what Sonde's programs
// read (scripts/kernelTypes.ts makes it).

import { existsSync } from "node:fs"
import { release } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"

/** Files named RELEASE.btf: those that come with Sonde, and what an administrator put there. */
export const typesFolders: ReadonlyArray<string> = [
  fileURLToPath(new URL("../../../../build/bpf/btf", import.meta.url)),
  "/var/lib/sonde/btf",
]

export const hasKernelTypes = (): boolean => existsSync("/sys/kernel/btf/vmlinux")

/** Empty: the kernel's own, or none. `configured`: the file of `agent.kernelTypes`, or empty. */
export const typesFile = (configured: string, folders: ReadonlyArray<string> = typesFolders): string => {
  if (hasKernelTypes()) return ""
  if (configured !== "") return configured
  return folders.map((folder) => join(folder, `${release()}.btf`)).find((path) => existsSync(path)) ?? ""
}
