// Signatures of packages: Ed25519 over the SHA-256 of the bytes, made where a package is built, checked by every agent that uses it.
// A server that was broken into can give out no package that its agents would run.

import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  sign,
  verify,
} from "node:crypto"
import { writeFileSync } from "node:fs"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"

export class SignatureError extends Data.TaggedError("SignatureError")<{ readonly message: string }> {}

/** SHA-256 in hex. */
export const digestOf = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex")

/** The raw 32 bytes of an Ed25519 key, base64: how agents are told which keys to trust. */
const publicText = (key: KeyObject): string =>
  key.export({ format: "der", type: "spki" }).subarray(-32).toString("base64")

/** DER of an Ed25519 public key without its 32 bytes (RFC 8410). */
const spkiHead = Buffer.from("302a300506032b6570032100", "hex")

const publicKey = (text: string): KeyObject | undefined => {
  const raw = Buffer.from(text, "base64")
  if (raw.length !== 32) return undefined
  return createPublicKey({ key: Buffer.concat([spkiHead, raw]), format: "der", type: "spki" })
}

/** Writes a new private key (PEM, for its owner only) and gives the public one as text. */
export const makeSigningKey = (file: string): Effect.Effect<string, SignatureError> =>
  Effect.try({
    try: () => {
      const pair = generateKeyPairSync("ed25519")
      writeFileSync(file, pair.privateKey.export({ format: "pem", type: "pkcs8" }), {
        mode: 0o600,
        flag: "wx",
      })
      return publicText(pair.publicKey)
    },
    catch: (cause) =>
      new SignatureError({
        message:
          (cause as NodeJS.ErrnoException).code === "EEXIST"
            ? `${file} is there already: a key is not overwritten, name another file`
            : `${file} cannot be written: ${(cause as Error).message}`,
      }),
  })

export interface Signed {
  /** Base64. */
  readonly signature: string
  /** Public key that it can be checked with. */
  readonly signer: string
}

export const signPackage = (
  bytes: Uint8Array,
  privateKeyPem: Uint8Array,
): Effect.Effect<Signed, SignatureError> =>
  Effect.try({
    try: () => {
      const key = createPrivateKey(Buffer.from(privateKeyPem))
      if (key.asymmetricKeyType !== "ed25519") throw new Error(`the key is of kind ${key.asymmetricKeyType}`)
      const signature = sign(null, Buffer.from(digestOf(bytes), "hex"), key).toString("base64")
      return { signature, signer: publicText(createPublicKey(key)) }
    },
    catch: (cause) =>
      new SignatureError({
        message: `expected an Ed25519 private key as PEM (\`sonde admin packages key\` makes one): ${(cause as Error).message}`,
      }),
  })

/** The key of `trusted` that signed; undefined: none of them did. */
export const signerOf = (
  digest: string,
  signature: string,
  trusted: ReadonlyArray<string>,
): string | undefined =>
  trusted.find((text) => {
    const key = publicKey(text)
    return (
      key !== undefined && verify(null, Buffer.from(digest, "hex"), key, Buffer.from(signature, "base64"))
    )
  })
