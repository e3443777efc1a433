// The programs of ../programs that speak HTTP/1 over TLS in Rust and Java: built where there is a toolchain, and what was seen of them beside
// what they said.

import { execFileSync, spawnSync } from "node:child_process"
import { existsSync, readdirSync } from "node:fs"
import { homedir } from "node:os"
import { delimiter, join } from "node:path"
import { fileURLToPath } from "node:url"
import { type Program, start } from "../../system/support/programs.ts"
import { selfSigned } from "../../system/support/servers.ts"
import type { Capturing } from "./capturing.ts"

const root = fileURLToPath(new URL("../../..", import.meta.url))
const source = (name: string): string => join(root, "test/kernel/programs", name)

const found = (program: string, ...more: ReadonlyArray<string>): string | undefined =>
  [...(process.env["PATH"] ?? "").split(delimiter), ...more]
    .map((folder) => join(folder, program))
    .find((path) => existsSync(path))

export const connections = 8
export const requests = 25

/** How often each request was seen, of those that were sent. */
export interface Tally {
  readonly seen: number
  readonly missed: number
  readonly doubled: number
  readonly wrong: number
}

export const allSeen: Tally = { seen: connections * requests, missed: 0, doubled: 0, wrong: 0 }

/** Of one side of the connections to this port. */
export const tally = (
  capturing: Capturing,
  port: number,
  side: "client" | "server",
  isTls: boolean,
  processName: string,
): Tally => {
  const times = new Map<string, number>()
  for (let i = 0; i < connections; i++)
    for (let j = 0; j < requests; j++) times.set(`http1 | GET | /${i}-${j} | 0 | 200`, 0)
  let wrong = 0
  for (const seen of capturing.sessions(port)) {
    if (seen.side !== side || seen.isTls !== isTls || seen.text.startsWith("tls | ")) continue
    const before = times.get(seen.text)
    if (before === undefined || seen.client !== processName || seen.server !== processName) wrong++
    else times.set(seen.text, before + 1)
  }
  const counts = [...times.values()]
  return {
    seen: counts.filter((count) => count > 0).length,
    missed: counts.filter((count) => count === 0).length,
    doubled: counts.filter((count) => count > 1).length,
    wrong,
  }
}

export const cargo = found("cargo", join(homedir(), ".cargo/bin"))

export type RustProfile = "release" | "thin" | "fat"

/** Path of the program; a reason in `missing` where it cannot be built here. */
export const buildRust = (
  profile: RustProfile,
  flags = "",
): { readonly path: string } | { readonly missing: string } => {
  const folder = join(root, "build/rust-victim", flags === "" ? "legacy" : "other")
  const { status, stderr } = spawnSync(
    cargo!,
    ["build", "--locked", "--profile", profile, "--manifest-path", source("rust/Cargo.toml")],
    { encoding: "utf8", env: { ...process.env, CARGO_TARGET_DIR: folder, RUSTFLAGS: flags } },
  )
  if (status === 0) return { path: join(folder, profile, "rustvictim") }
  return { missing: stderr.trim().split("\n").at(-1) ?? "cargo failed" }
}

/** 0.20 to 0.23 by their second number. */
export type RustWay = "plain" | "20" | "21" | "22" | "23" | "tokio"

export const rustServer = (program: string, way: RustWay): Promise<Program> =>
  start(program, undefined, (port, folder) => {
    const [key, certificate] = selfSigned(folder)
    const [keyDer, certificateDer] = [join(folder, "key.der"), join(folder, "certificate.der")]
    const pkcs8 = ["pkcs8", "-topk8", "-nocrypt", "-in", key, "-outform", "der", "-out", keyDer]
    execFileSync("/usr/bin/openssl", pkcs8)
    execFileSync("/usr/bin/openssl", ["x509", "-in", certificate, "-outform", "der", "-out", certificateDer])
    return [way, "server", String(port), keyDer, certificateDer]
  })

export const clientArguments = (way: string, port: number): ReadonlyArray<string> => [
  way,
  "client",
  ...[port, connections, requests].map(String),
]

/** Each JDK of this machine with a compiler, by its folder. */
export const jdks = (): ReadonlyArray<string> => {
  const all = "/usr/lib/jvm"
  if (!existsSync(all)) return []
  return readdirSync(all, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && existsSync(join(all, entry.name, "bin/javac")))
    .map((entry) => join(all, entry.name))
}

export type JavaWay = "plain" | "nio" | "socket" | "engine"

/** Folder with the classes. */
export const buildJava = (jdk: string): string => {
  const folder = join(root, "build/java-victim", jdk.replaceAll("/", "_"))
  execFileSync(join(jdk, "bin/javac"), ["-d", folder, source("JavaVictim.java")])
  return folder
}

const java = (jdk: string): string => join(jdk, "bin/java")

export const javaServer = (jdk: string, classes: string, way: JavaWay): Promise<Program> =>
  start(
    java(jdk),
    undefined,
    (port, folder) => {
      const [key, certificate] = selfSigned(folder)
      const store = join(folder, "store.p12")
      const pkcs12 = ["pkcs12", "-export", "-inkey", key, "-in", certificate, "-out", store]
      execFileSync("/usr/bin/openssl", [...pkcs12, "-passout", "pass:sonde"])
      return ["-Xshare:auto", "-cp", classes, "JavaVictim", way, "server", String(port), store]
    },
    30,
  )

/** Waits before it connects. */
export const javaClient = (
  jdk: string,
  classes: string,
  way: JavaWay,
  port: number,
  waitMs: number,
): readonly [string, ReadonlyArray<string>] => [
  java(jdk),
  ["-cp", classes, `-Dvictim.waitMs=${waitMs}`, "JavaVictim", ...clientArguments(way, port)],
]
