// A key pair and the request that has it certified (PKCS #10, RFC 2986): made by whoever is to have the certificate, so that its key
// never travels. Whoever certifies takes nothing but the public key from it; the name comes from elsewhere.

import { createHash, createPublicKey, generateKeyPairSync, type KeyObject, sign, verify } from "node:crypto"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import { bits, integer, objectId, readSequence, sequence, setOf, utf8, value } from "./der.ts"
import { fromPem, toPem } from "./pem.ts"

export class CsrError extends Data.TaggedError("CsrError")<{ readonly message: string }> {}

export interface KeyAndCsr {
  /** PKCS #8, PEM. */
  readonly key: string
  /** PEM. */
  readonly csr: string
}

export interface ReadCsr {
  readonly publicKey: KeyObject
  /** SHA-256 of the public key, hex: the same for every request that was made with the key. */
  readonly keyDigest: string
}

const label = "CERTIFICATE REQUEST"
const charsMost = 16_384

export const ecdsaWithSha256: Buffer = sequence(objectId("1.2.840.10045.4.3.2"))

/** A name of one part, the common name. */
export const commonName = (text: string): Buffer => sequence(setOf(sequence(objectId("2.5.4.3"), utf8(text))))

export const spkiOf = (key: KeyObject): Buffer => key.export({ type: "spki", format: "der" })

export const keyDigestOf = (key: KeyObject): string => createHash("sha256").update(spkiOf(key)).digest("hex")

/** A request made with a key that is there already. */
export const csrWith = (name: string, privateKey: KeyObject): string => {
  const spki = spkiOf(createPublicKey(privateKey))
  const info = sequence(integer(Buffer.from([0])), commonName(name), spki, value(0xa0))
  return toPem(label, sequence(info, ecdsaWithSha256, bits(sign("sha256", info, privateKey))))
}

/** A new ECDSA key on P-256 and its request. */
export const makeCsr = (name: string): KeyAndCsr => {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" })
  return {
    key: privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
    csr: csrWith(name, privateKey),
  }
}

const read = (text: string): ReadCsr | string => {
  if (text.length > charsMost) return `it is longer than ${charsMost} characters`
  const blocks = fromPem(text)
  if (blocks.length !== 1 || blocks[0]!.label !== label) return "expected one PEM block CERTIFICATE REQUEST"
  const [info, algorithm, signature, ...more] = readSequence(blocks[0]!.bytes, 4) ?? []
  if (info === undefined || algorithm === undefined || signature?.tag !== 0x03 || more.length > 0)
    return "it is no PKCS #10 request"
  const [version, subject, spki, attributes, ...rest] = readSequence(info.whole, 5) ?? []
  if (version?.tag !== 0x02 || subject?.tag !== 0x30 || spki?.tag !== 0x30 || rest.length > 0)
    return "it is no PKCS #10 request"
  if (attributes !== undefined && attributes.tag !== 0xa0) return "it is no PKCS #10 request"
  if (!algorithm.whole.equals(ecdsaWithSha256)) return "expected a signature by ECDSA with SHA-256"
  try {
    const publicKey = createPublicKey({ key: spki.whole, format: "der", type: "spki" })
    const curve = publicKey.asymmetricKeyDetails?.namedCurve
    if (publicKey.asymmetricKeyType !== "ec" || curve !== "prime256v1")
      return "expected an ECDSA key on P-256"
    if (signature.content[0] !== 0 || !verify("sha256", info.whole, publicKey, signature.content.subarray(1)))
      return "it is not signed by its own key"
    return { publicKey, keyDigest: keyDigestOf(publicKey) }
  } catch {
    return "its key cannot be read"
  }
}

export const readCsr = (text: string): Effect.Effect<ReadCsr, CsrError> =>
  Effect.suspend(() => {
    const found = read(text)
    return typeof found === "string"
      ? Effect.fail(new CsrError({ message: `the certificate request cannot be used: ${found}` }))
      : Effect.succeed(found)
  })
