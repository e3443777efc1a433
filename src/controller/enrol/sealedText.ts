// Texts that are kept encrypted under a secret of the operator's: AES-256-GCM, the key by scrypt (the secret may be a word that
// somebody chose), bound to what they are for. A text that was changed, moved elsewhere or sealed under another secret does not open.

import { createCipheriv, createDecipheriv, randomBytes, scrypt } from "node:crypto"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"

export const Sealed = Schema.Struct({
  kdf: Schema.Literal("scrypt"),
  /** Base64, like all below. */
  salt: Schema.String,
  nonce: Schema.String,
  tag: Schema.String,
  text: Schema.String,
})
export type Sealed = typeof Sealed.Type

/** 32 MiB and about 100 ms; done once at a server's start. */
const cost = { N: 2 ** 15, r: 8, p: 1, maxmem: 64 * 1_024 * 1_024 }
const tagBytes = 16

const keyOf = (secret: string, salt: Buffer): Effect.Effect<Buffer> =>
  Effect.callback((resume) => {
    scrypt(secret, salt, 32, cost, (error, key) =>
      resume(error === null ? Effect.succeed(key) : Effect.die(error)),
    )
  })

/** `purpose` is not secret; the same is needed to open it. */
export const seal = (text: string, secret: string, purpose: string): Effect.Effect<Sealed> =>
  Effect.gen(function* () {
    const salt = randomBytes(16)
    const nonce = randomBytes(12)
    const cipher = createCipheriv("aes-256-gcm", yield* keyOf(secret, salt), nonce)
    cipher.setAAD(Buffer.from(purpose))
    const bytes = Buffer.concat([cipher.update(text, "utf8"), cipher.final()])
    return {
      kdf: "scrypt" as const,
      salt: salt.toString("base64"),
      nonce: nonce.toString("base64"),
      tag: cipher.getAuthTag().toString("base64"),
      text: bytes.toString("base64"),
    }
  })

/** Undefined: another secret or purpose, or not what was sealed. */
export const unseal = (sealed: Sealed, secret: string, purpose: string): Effect.Effect<string | undefined> =>
  Effect.gen(function* () {
    const bytes = (text: string) => Buffer.from(text, "base64")
    const key = yield* keyOf(secret, bytes(sealed.salt))
    try {
      const decipher = createDecipheriv("aes-256-gcm", key, bytes(sealed.nonce), { authTagLength: tagBytes })
      decipher.setAAD(Buffer.from(purpose))
      decipher.setAuthTag(bytes(sealed.tag))
      return Buffer.concat([decipher.update(bytes(sealed.text)), decipher.final()]).toString("utf8")
    } catch {
      return undefined
    }
  })
