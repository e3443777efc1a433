// Packages that the server offers: fetched (on from where a broken fetch stopped), verified by digest and by the signature of a key
// that this agent was configured to trust, and only then kept under their name for whoever uses them. The server is not believed.

import { createHash } from "node:crypto"
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs"
import { join } from "node:path"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { signerOf } from "../../runtime/packageSignature.ts"
import type { PackageDirective } from "./ControlSession.ts"

export class PackageRefused extends Data.TaggedError("PackageRefused")<{ readonly message: string }> {}

/** A package that was verified. */
export interface KeptPackage {
  readonly kind: "agent" | "plugin"
  readonly name: string
  readonly version: string
  readonly digest: string
  readonly file: string
}

/** Larger ones are refused before the first byte. */
const bytesMost = 256 * 1_024 * 1_024
/** Versions of one name that are kept: the one in use and those to go back to. */
const versionsMost = 3

const isName = (text: string): boolean => /^[\w.+-]{1,64}$/.test(text) && !/^\.+$/.test(text)
const isDigest = (text: string): boolean => /^[0-9a-f]{64}$/.test(text)

const refused = (offer: PackageDirective, why: string) =>
  new PackageRefused({ message: `package ${offer.name} ${offer.version}: ${why}` })

export class PackageStore {
  readonly #directory: string
  readonly #trusted: ReadonlyArray<string>

  /** `trusted`: public keys as `sonde admin packages key` prints them. */
  constructor(directory: string, trusted: ReadonlyArray<string>) {
    this.#directory = directory
    this.#trusted = trusted
  }

  #check(offer: PackageDirective): PackageRefused | undefined {
    if (!isName(offer.name) || !isName(offer.version) || !isDigest(offer.digest))
      return refused(offer, "its name, version or digest is not one")
    if (offer.bytes > bytesMost) return refused(offer, `${offer.bytes} bytes; ${bytesMost} are the most`)
    if (this.#trusted.length === 0)
      return refused(
        offer,
        "this agent trusts no key: set agent.packageKeys to the public key of whoever signs packages",
      )
    if (signerOf(offer.digest, offer.signature, this.#trusted) === undefined)
      return refused(offer, "it is not signed by a key that this agent trusts (agent.packageKeys)")
    return undefined
  }

  /** The package as a file, whole and verified; `fetch` gives its bytes from an offset on. */
  obtain<E extends { readonly message: string }>(
    offer: PackageDirective,
    fetch: (offset: number) => Stream.Stream<Uint8Array, E>,
  ): Effect.Effect<KeptPackage, PackageRefused | E> {
    return Effect.gen({ self: this }, function* () {
      const wrong = this.#check(offer)
      if (wrong !== undefined) return yield* wrong
      const directory = join(this.#directory, offer.name)
      const file = join(directory, `${offer.version}-${offer.digest.slice(0, 16)}`)
      const kept: KeptPackage = {
        kind: offer.kind,
        name: offer.name,
        version: offer.version,
        digest: offer.digest,
        file,
      }
      if (existsSync(file)) return kept
      mkdirSync(directory, { recursive: true, mode: 0o700 })
      const draft = `${file}.part`
      if (!existsSync(draft)) writeFileSync(draft, "", { mode: 0o600 })
      let have = statSync(draft).size
      if (have > offer.bytes) {
        truncateSync(draft, 0)
        have = 0
      }
      yield* Stream.runForEach(fetch(have), (bytes) =>
        Effect.suspend(() => {
          have += bytes.length
          if (have > offer.bytes)
            return Effect.fail(refused(offer, `more than the ${offer.bytes} bytes it is said to have`))
          appendFileSync(draft, bytes)
          return Effect.void
        }),
      ).pipe(Effect.tapErrorTag("PackageRefused", () => Effect.sync(() => rmSync(draft, { force: true }))))
      const digest = createHash("sha256").update(readFileSync(draft)).digest("hex")
      if (digest !== offer.digest) {
        rmSync(draft, { force: true })
        return yield* refused(
          offer,
          `its digest is ${digest}, expected was ${offer.digest}; it is fetched anew next time`,
        )
      }
      renameSync(draft, file)
      this.#forgetOld(directory)
      return kept
    })
  }

  #forgetOld(directory: string): void {
    const files = readdirSync(directory)
      .filter((name) => !name.endsWith(".part"))
      .map((name) => ({ name, changedMs: statSync(join(directory, name)).mtimeMs }))
      .toSorted((one, other) => other.changedMs - one.changedMs)
    for (const { name } of files.slice(versionsMost)) rmSync(join(directory, name), { force: true })
  }
}
