// Versions of the agent in the data directory, `agent/versions/NAME` each: unpacked beside and renamed, so that one which is there is
// whole; checked against its manifest's checksum when it is installed and each time before it is started.

import { createHash } from "node:crypto"
import {
  chmodSync,
  closeSync,
  createReadStream,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from "node:fs"
import { dirname, join } from "node:path"
import { createGunzip } from "node:zlib"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import {
  type AgentManifest,
  checksumOfFiles,
  manifestFile,
  manifestProblem,
  readManifest,
} from "../../runtime/agentPackage/manifest.ts"
import { TarError, TarReader } from "../../runtime/agentPackage/tar.ts"

/** The package cannot be run here; the message says why. */
export class InstallRefused extends Data.TaggedError("InstallRefused")<{ readonly message: string }> {}

/** Program and node of a version that is ready to run. */
export interface Program {
  readonly node: string
  readonly entry: string
  readonly version: string
}

const bytesMost = 1_024 * 1_024 * 1_024
const filesMost = 50_000
const nameLength = /^[\w.+-]{1,96}$/

const refused = (message: string) => new InstallRefused({ message })

const filesBelow = (root: string, directory = ""): Array<string> =>
  readdirSync(join(root, directory), { withFileTypes: true }).flatMap((found) => {
    const path = directory === "" ? found.name : `${directory}/${found.name}`
    return found.isDirectory() ? filesBelow(root, path) : [path]
  })

/** Writes files as the archive brings them. */
const writerInto = (root: string) => {
  const made = new Set<string>()
  let descriptor: number | undefined
  let bytes = 0
  let files = 0
  return {
    begin: (path: string, size: number, isExecutable: boolean) => {
      bytes += size
      files++
      if (bytes > bytesMost || files > filesMost)
        throw new TarError({ message: `more than ${filesMost} files or ${bytesMost / 1_048_576} MiB` })
      const file = join(root, path)
      const directory = dirname(file)
      if (!made.has(directory)) mkdirSync(directory, { recursive: true, mode: 0o700 })
      made.add(directory)
      // A path that comes twice is an error, not a second chance.
      descriptor = openSync(file, "wx", isExecutable ? 0o700 : 0o600)
    },
    content: (chunk: Uint8Array) => void writeSync(descriptor!, chunk),
    end: () => {
      closeSync(descriptor!)
      descriptor = undefined
    },
    close: () => {
      if (descriptor !== undefined) closeSync(descriptor)
    },
  }
}

const unpackInto = async (file: string, root: string): Promise<void> => {
  const writer = writerInto(root)
  try {
    const reader = new TarReader(writer)
    for await (const chunk of createReadStream(file).pipe(createGunzip())) reader.push(chunk as Uint8Array)
    reader.finish()
  } finally {
    writer.close()
  }
}

export class InstalledVersions {
  readonly #directory: string

  /** `data`: the agent's data directory. */
  constructor(data: string) {
    this.#directory = join(data, "agent", "versions")
  }

  #at(name: string): string {
    return join(this.#directory, name)
  }

  #manifest(root: string): AgentManifest {
    const manifest = readManifest(readFileSync(join(root, manifestFile), "utf8"))
    if (manifest === undefined)
      throw new Error(`its ${manifestFile} is not one that this version of Sonde reads`)
    return manifest
  }

  #check(root: string): AgentManifest {
    const manifest = this.#manifest(root)
    const problem = manifestProblem(manifest, process.versions.node)
    if (problem !== "") throw new Error(problem)
    const digests = new Map<string, string>()
    for (const path of filesBelow(root))
      if (path !== manifestFile)
        digests.set(
          path,
          createHash("sha256")
            .update(readFileSync(join(root, path)))
            .digest("hex"),
        )
    if (!digests.has(manifest.entry)) throw new Error(`${manifest.entry} is not in it`)
    if (manifest.runtime !== "" && !digests.has(manifest.runtime))
      throw new Error(`${manifest.runtime} is not in it`)
    if (checksumOfFiles(digests) !== manifest.checksum)
      throw new Error("its files are not those of its manifest: it is damaged")
    return manifest
  }

  /** Empty: no such version, or one that is damaged; `why` says what. */
  program(name: string): Program | { readonly why: string } {
    const root = this.#at(name)
    if (!nameLength.test(name) || !existsSync(root)) return { why: `version ${name} is not installed` }
    try {
      const manifest = this.#check(root)
      return {
        node: manifest.runtime === "" ? process.execPath : join(root, manifest.runtime),
        entry: join(root, manifest.entry),
        version: manifest.version,
      }
    } catch (cause) {
      return { why: `version ${name}: ${(cause as Error).message}` }
    }
  }

  /** From a package file that was verified; one that is there already is checked only. */
  install(name: string, version: string, file: string): Effect.Effect<Program, InstallRefused> {
    return Effect.tryPromise({
      try: async () => {
        const known = this.program(name)
        if (!("why" in known)) return known
        const root = this.#at(name)
        const draft = `${root}.part`
        rmSync(draft, { recursive: true, force: true })
        mkdirSync(draft, { recursive: true, mode: 0o700 })
        try {
          await unpackInto(file, draft)
          const manifest = this.#check(draft)
          if (manifest.version !== version)
            throw new Error(`it is stored as ${version}, and its manifest says ${manifest.version}`)
          rmSync(root, { recursive: true, force: true })
          chmodSync(draft, 0o700)
          renameSync(draft, root)
        } catch (cause) {
          rmSync(draft, { recursive: true, force: true })
          throw cause
        }
        const descriptor = openSync(this.#directory, "r")
        fsyncSync(descriptor)
        closeSync(descriptor)
        const program = this.program(name)
        if ("why" in program) throw new Error(program.why)
        return program
      },
      catch: (cause) => refused((cause as Error).message),
    })
  }

  /** Removes all but these. */
  keepOnly(names: ReadonlyArray<string>): void {
    if (!existsSync(this.#directory)) return
    for (const found of readdirSync(this.#directory))
      if (!names.includes(found) && statSync(this.#at(found)).isDirectory())
        rmSync(this.#at(found), { recursive: true, force: true })
  }
}
