// Packages of the kind `agent` with a program of a few lines in place of Sonde, for tests of what unpacks and starts them.

import { createHash } from "node:crypto"
import { gzipSync } from "node:zlib"
import { type AgentManifest, checksumOfFiles, manifestFile, platformHere } from "./manifest.ts"
import { tarEnd, tarFile } from "./tar.ts"

/** Passes its self-check as `version`; else does `work`, with `tell` to the launcher. */
export const tinyProgram = (version: string, work: string): string =>
  [
    `if (process.argv.includes("--self-check")) { console.log(${JSON.stringify(version)}); process.exit(0) }`,
    "const tell = (message) => process.send?.(message)",
    "process.stdin.on('end', () => process.exit(0)).resume()",
    "process.on('SIGTERM', () => process.exit(0))",
    "const stay = () => setInterval(() => {}, 1_000)",
    work,
  ].join(";\n")

export const tinyPackage = (
  version: string,
  program: string,
  manifest: Partial<AgentManifest> = {},
  more: ReadonlyArray<Uint8Array> = [],
): Buffer => {
  const files = new Map([
    ["main.mjs", program],
    ["deep/er/empty.txt", ""],
  ])
  const digests = new Map(
    [...files].map(([path, content]) => [path, createHash("sha256").update(content).digest("hex")]),
  )
  const about: AgentManifest = {
    format: 1,
    version,
    platform: platformHere,
    entry: "main.mjs",
    node: process.versions.node,
    runtime: "",
    checksum: checksumOfFiles(digests),
    ...manifest,
  }
  return gzipSync(
    Buffer.concat([
      ...tarFile(manifestFile, Buffer.from(JSON.stringify(about)), false),
      ...[...files].flatMap(([path, content]) => tarFile(path, Buffer.from(content), false)),
      ...more,
      tarEnd,
    ]),
  )
}
