// Makes a package of the kind `agent` from a built tree: the agent's sources, kernel programs and addon, and the npm packages that it
// needs. What only servers, tests or the console need stays out. The same tree gives the same bytes.

import { createHash } from "node:crypto"
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs"
import { join } from "node:path"
import { gzipSync } from "node:zlib"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import { type AgentManifest, checksumOfFiles, manifestFile, platformHere } from "./manifest.ts"
import { tarEnd, tarFile } from "./tar.ts"

export class PackError extends Data.TaggedError("PackError")<{ readonly message: string }> {}

export interface PackOptions {
  /** The tree: where package.json is. */
  readonly root: string
  /** Of the package, in place of the tree's. */
  readonly version?: string
  /** Takes the running node along. */
  readonly withNode: boolean
}

export interface PackedAgent {
  readonly manifest: AgentManifest
  readonly bytes: Buffer
  readonly files: number
}

const entry = "src/cli/main.ts"
const ownNode = "bin/node"
/** npm packages that the agent imports; what these need comes along. */
const needed = ["@effect/platform-node", "effect", "msgpackr", "pino", "yaml"]
const foreignFile = /\.(js|mjs|cjs|json|node|wasm)$/
const notSource = /\.(test|testing|fixture|bench)\.[a-z]+$|\.test-d\.ts$/

const filesBelow = (root: string, directory: string, isWanted: (path: string) => boolean): Array<string> =>
  readdirSync(join(root, directory), { withFileTypes: true }).flatMap((found) => {
    const path = `${directory}/${found.name}`
    if (found.isDirectory()) return found.name === "node_modules" ? [] : filesBelow(root, path, isWanted)
    return found.isFile() && isWanted(path) ? [path] : []
  })

interface Lock {
  readonly packages: Readonly<Record<string, { readonly dependencies?: Readonly<Record<string, string>> }>>
}

/** Folders of npm packages, found as node finds them: nested first, then further up. */
const npmFolders = (lock: Lock): ReadonlySet<string> => {
  const found = new Set<string>()
  const find = (name: string, from: string): string | undefined => {
    for (let at = from; ; at = at.slice(0, Math.max(0, at.lastIndexOf("/node_modules/")))) {
      const path = at === "" ? `node_modules/${name}` : `${at}/node_modules/${name}`
      if (lock.packages[path] !== undefined) return path
      if (at === "") return undefined
    }
  }
  const add = (name: string, from: string): void => {
    const path = find(name, from)
    if (path === undefined || found.has(path) || name.startsWith("@types/")) return
    found.add(path)
    for (const further of Object.keys(lock.packages[path]?.dependencies ?? {})) add(further, path)
  }
  for (const name of needed) add(name, "")
  return found
}

const pathsOf = (root: string): ReadonlyArray<string> => {
  const lock = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8")) as Lock
  return [
    ...filesBelow(root, "src", (path) => path.endsWith(".ts") && !notSource.test(path)),
    ...filesBelow(root, "build/bpf", (path) => path.endsWith(".o") || path.endsWith(".btf")),
    "build/sonde.node",
    ...[...npmFolders(lock)].flatMap((folder) =>
      filesBelow(root, folder, (path) => foreignFile.test(path) && !path.includes("/test/")),
    ),
  ]
}

const pack = ({ root, version, withNode }: PackOptions): PackedAgent => {
  if (!existsSync(join(root, "build/sonde.node")))
    throw new Error(`${root} is not built: run npm run setup there`)
  const about = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as Record<string, unknown>
  const tree = { ...about, ...(version === undefined ? {} : { version }), devDependencies: {} }
  const contents = new Map<string, () => Buffer>([
    ["package.json", () => Buffer.from(`${JSON.stringify(tree, undefined, 2)}\n`)],
    ...pathsOf(root).map((path) => [path, () => readFileSync(join(root, path))] as const),
    ...(withNode ? [[ownNode, () => readFileSync(process.execPath)] as const] : []),
  ])
  const digests = new Map<string, string>()
  const parts: Array<Uint8Array> = []
  for (const path of [...contents.keys()].toSorted()) {
    const content = contents.get(path)!()
    digests.set(path, createHash("sha256").update(content).digest("hex"))
    const isExecutable =
      path === ownNode || (existsSync(join(root, path)) && (statSync(join(root, path)).mode & 0o100) !== 0)
    parts.push(...tarFile(path, content, isExecutable))
  }
  const manifest: AgentManifest = {
    format: 1,
    version: String(tree.version),
    platform: platformHere,
    entry,
    node: process.versions.node,
    runtime: withNode ? ownNode : "",
    checksum: checksumOfFiles(digests),
  }
  const head = tarFile(manifestFile, Buffer.from(`${JSON.stringify(manifest, undefined, 2)}\n`), false)
  return { manifest, files: digests.size, bytes: gzipSync(Buffer.concat([...head, ...parts, tarEnd])) }
}

export const packAgent = (options: PackOptions): Effect.Effect<PackedAgent, PackError> =>
  Effect.try({
    try: () => pack(options),
    catch: (cause) => new PackError({ message: (cause as Error).message }),
  })
