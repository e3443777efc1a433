// Gets kernels from Debian's archive without touching the machine's own package sources: a list of sources, an index and a cache
// below build/kernels. What was fetched once stays there.

import { execFileSync } from "node:child_process"
import { existsSync, globSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"

export interface KernelSource {
  /** What README names it. */
  readonly name: string
  /** Below the archive's root. */
  readonly archive: "debian" | "debian-security"
  readonly suite: string
  /** Of package names; the highest version of those that match is taken. */
  readonly packages: RegExp
}

/** Oldest first. There are none before 5.10 to be had. */
export const kernels: ReadonlyArray<KernelSource> = [
  {
    name: "5.10",
    archive: "debian",
    suite: "bullseye",
    packages: /^linux-image-5\.10\.0-\d+-cloud-amd64$/,
  },
  {
    name: "6.1",
    archive: "debian",
    suite: "bookworm",
    packages: /^linux-image-6\.1\.0-\d+-cloud-amd64$/,
  },
  {
    name: "6.12",
    archive: "debian-security",
    suite: "bookworm-security",
    packages: /^linux-image-6\.12\.\d+\+deb12-cloud-amd64$/,
  },
  {
    name: "newest",
    archive: "debian",
    suite: "sid",
    packages: /^linux-binary-\d+\.\d+(\.\d+)?\+deb\d+-cloud-amd64$/,
  },
]

const root = fileURLToPath(new URL("../../build/kernels/", import.meta.url))

/** The archive that this machine takes its packages from, so that mirrors are honoured. */
const archiveRoot = (): string => {
  const uris = execFileSync("apt-get", ["indextargets", "--format", "$(REPO_URI)"], { encoding: "utf8" })
    .split("\n")
    .filter((uri) => /\/debian\/?$/.test(uri))
  return (uris[0] ?? "http://deb.debian.org/debian").replace(/\/debian\/?$/, "/")
}

const byVersion = (one: string, other: string): number => one.localeCompare(other, "en", { numeric: true })

/** Path of the kernel image; fetched when it is not there yet. */
export const kernelImage = ({ archive, name, packages, suite }: KernelSource): string => {
  const image = join(root, name, "vmlinuz")
  if (existsSync(image)) return image
  const work = join(root, `${name}.work`)
  rmSync(work, { recursive: true, force: true })
  for (const folder of ["lists/partial", "archives/partial", "unpacked"])
    mkdirSync(join(work, folder), { recursive: true })
  const keys = "/usr/share/keyrings/debian-archive-keyring.gpg"
  writeFileSync(
    join(work, "sources.list"),
    `deb [signed-by=${keys}] ${archiveRoot()}${archive} ${suite} main\n`,
  )
  const apt = (program: string, ...args: ReadonlyArray<string>): string =>
    execFileSync(
      program,
      [
        ...["-o", `Dir::State::lists=${work}/lists`, "-o", `Dir::Cache=${work}`],
        ...["-o", `Dir::Etc::sourcelist=${work}/sources.list`, "-o", "Dir::Etc::sourceparts=/dev/null"],
        ...[
          "-o",
          "APT::Sandbox::User=root",
          "-o",
          "Acquire::Languages=none",
          "-o",
          "Acquire::Check-Valid-Until=false",
        ],
        ...args,
      ],
      { cwd: work, encoding: "utf8", maxBuffer: 64 * 1024 * 1024, stdio: ["ignore", "pipe", "pipe"] },
    )
  apt("apt-get", "update", "-q")
  const chosen = apt("apt-cache", "pkgnames", "linux-")
    .split("\n")
    .filter((known) => packages.test(known))
    .toSorted(byVersion)
    .at(-1)
  if (chosen === undefined) throw new Error(`${suite} has no package like ${packages.source}`)
  apt("apt-get", "download", chosen)
  const [file] = globSync("*.deb", { cwd: work })
  execFileSync("dpkg", ["-x", join(work, file!), join(work, "unpacked")])
  const [found] = globSync(["boot/vmlinuz-*", "usr/lib/modules/*/vmlinuz"], { cwd: join(work, "unpacked") })
  if (found === undefined) throw new Error(`${chosen} has no kernel image`)
  mkdirSync(join(root, name), { recursive: true })
  renameSync(join(work, "unpacked", found), image)
  rmSync(work, { recursive: true, force: true })
  return image
}

/** What `uname -r` says on it: text that the image's header points to (Documentation/arch/x86/boot.rst, kernel_version). */
export const releaseOf = (image: string): string => {
  const bytes = readFileSync(image)
  const at = bytes.readUInt16LE(0x20e) + 0x200
  return bytes.toString("latin1", at, at + 128).split(/[ \0]/, 1)[0]!
}
