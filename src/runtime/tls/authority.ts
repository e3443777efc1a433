// A region's own authority: makes itself, certifies servers, agents and administrators (ECDSA on P-256, X.509 v3 after RFC 5280),
// and says whether a certificate is one of its own. Signing stays here; keeping the key is the business of whoever has it.

import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  sign,
  X509Certificate,
} from "node:crypto"
import { isIPv4, isIPv6 } from "node:net"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import { commonName, ecdsaWithSha256, spkiOf } from "./csr.ts"
import { bits, integer, objectId, octets, sequence, time, value, yes } from "./der.ts"
import { type Identity, identityIn, identityUri, isIdentityName } from "./identity.ts"
import { toPem } from "./pem.ts"

export class AuthorityError extends Data.TaggedError("AuthorityError")<{ readonly message: string }> {}

/** Why a certificate is not believed. */
export class CertificateRefused extends Data.TaggedError("CertificateRefused")<{
  readonly reason: "unreadable" | "authority" | "expired" | "not yet valid" | "identity"
  readonly message: string
}> {}

export interface Authority {
  readonly region: string
  /** PEM. */
  readonly certificate: string
  readonly key: KeyObject
}

export interface Checked {
  readonly identity: Identity
  readonly region: string
  readonly notBeforeMs: number
  readonly notAfterMs: number
}

export const dayMs = 86_400_000
const authorityDays = 3_650
/** Certificates begin in the past, for machines whose clocks are behind. */
const backdatedMs = 3_600_000

/** When a certificate was given out. */
export const issuedAtMs = ({ validFromDate }: X509Certificate): number =>
  validFromDate.getTime() + backdatedMs

const extension = (id: string, isCritical: boolean, content: Uint8Array): Buffer =>
  isCritical ? sequence(objectId(id), yes, octets(content)) : sequence(objectId(id), octets(content))

/** KeyUsage with one byte of flags, named from the highest bit on. */
const keyUsage = (flags: number, unusedBits: number): Buffer =>
  extension("2.5.29.15", true, value(0x03, Buffer.from([unusedBits, flags])))

const keyId = (key: KeyObject): Buffer => createHash("sha1").update(spkiOf(key)).digest()
const subjectKey = (key: KeyObject): Buffer => extension("2.5.29.14", false, octets(keyId(key)))
const authorityKey = (key: KeyObject): Buffer =>
  extension("2.5.29.35", false, sequence(value(0x80, keyId(key))))

const purposes = {
  server: ["1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.2"],
  agent: ["1.3.6.1.5.5.7.3.2"],
  admin: ["1.3.6.1.5.5.7.3.2"],
} as const

interface ToBeSigned {
  readonly issuer: string
  readonly subject: string
  readonly key: KeyObject
  readonly notBeforeMs: number
  readonly notAfterMs: number
  readonly extensions: ReadonlyArray<Uint8Array>
}

const signed = (wanted: ToBeSigned, by: KeyObject): string => {
  const serial = randomBytes(16)
  // Neither zero nor negative.
  serial[0] = (serial[0]! & 0x7f) | 0x40
  const certificate = sequence(
    value(0xa0, integer(Buffer.from([2]))),
    integer(serial),
    ecdsaWithSha256,
    commonName(wanted.issuer),
    sequence(time(wanted.notBeforeMs), time(wanted.notAfterMs)),
    commonName(wanted.subject),
    spkiOf(wanted.key),
    value(0xa3, sequence(...wanted.extensions)),
  )
  return toPem("CERTIFICATE", sequence(certificate, ecdsaWithSha256, bits(sign("sha256", certificate, by))))
}

const authorityName = (region: string): string => `Sonde ${region}`

const checkedName = (what: string, name: string): Effect.Effect<void, AuthorityError> =>
  isIdentityName(name)
    ? Effect.void
    : Effect.fail(
        new AuthorityError({
          message: `${what}: expected up to 64 letters, digits, . _ -, found ${JSON.stringify(name.slice(0, 80))}`,
        }),
      )

/** A new authority; it lasts ten years. */
export const makeAuthority = (region: string, nowMs: number): Effect.Effect<Authority, AuthorityError> =>
  Effect.map(checkedName("region", region), () => {
    const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" })
    const certificate = signed(
      {
        issuer: authorityName(region),
        subject: authorityName(region),
        key: publicKey,
        notBeforeMs: nowMs - backdatedMs,
        notAfterMs: nowMs + authorityDays * dayMs,
        extensions: [
          extension("2.5.29.19", true, sequence(yes, integer(Buffer.from([0])))),
          keyUsage(0x06, 1),
          subjectKey(publicKey),
        ],
      },
      privateKey,
    )
    return { region, certificate, key: privateKey }
  })

/** An authority that was made earlier. `key`: PKCS #8, PEM. */
export const openAuthority = (
  region: string,
  certificate: string,
  key: string,
): Effect.Effect<Authority, AuthorityError> =>
  Effect.try({
    try: () => {
      const privateKey = createPrivateKey(key)
      const isPair = new X509Certificate(certificate).checkPrivateKey(privateKey)
      if (!isPair) throw new Error("its key belongs to another certificate")
      return { region, certificate, key: privateKey }
    },
    catch: (cause) =>
      new AuthorityError({ message: `the authority cannot be used: ${(cause as Error).message}` }),
  })

export interface IssueOptions {
  readonly identity: Identity
  readonly publicKey: KeyObject
  readonly days: number
  readonly nowMs: number
  /** Names and addresses that browsers may know it by. */
  readonly hosts?: ReadonlyArray<string>
}

const ipv6Bytes = (address: string): Buffer => {
  const [head = "", tail] = address.split("::")
  const words = (part: string) =>
    part === "" ? [] : part.split(":").map((word) => Number.parseInt(word, 16))
  const first = words(head)
  const last = words(tail ?? "")
  const all = [...first, ...Array<number>(8 - first.length - last.length).fill(0), ...last]
  return Buffer.from(all.flatMap((word) => [word >> 8, word & 0xff]))
}

/** As an alternative name (RFC 5280, 4.2.1.6). */
const hostName = (host: string): Buffer => {
  if (isIPv4(host)) return value(0x87, Buffer.from(host.split(".").map(Number)))
  // Node writes an address with dots at its end without them.
  if (isIPv6(host)) return value(0x87, ipv6Bytes(new URL(`http://[${host}]`).hostname.slice(1, -1)))
  return value(0x82, Buffer.from(host, "latin1"))
}

const isHost = (host: string): boolean =>
  isIPv4(host) || (isIPv6(host) && !host.includes("%")) || /^[0-9a-zA-Z_-]+(\.[0-9a-zA-Z_-]+)*$/.test(host)

/** A certificate, PEM. It does not outlast the authority. */
export const issue = (
  { certificate, key, region }: Authority,
  { days, hosts = [], identity, nowMs, publicKey }: IssueOptions,
): Effect.Effect<string, AuthorityError> =>
  Effect.map(checkedName(identity.kind, identity.name), () => {
    const issuerKey = createPublicKey(key)
    const lastMs = new X509Certificate(certificate).validToDate.getTime()
    return signed(
      {
        issuer: authorityName(region),
        subject: identity.name,
        key: publicKey,
        notBeforeMs: nowMs - backdatedMs,
        notAfterMs: Math.min(nowMs + days * dayMs, lastMs),
        extensions: [
          extension("2.5.29.19", true, sequence()),
          keyUsage(0x80, 7),
          extension("2.5.29.37", false, sequence(...purposes[identity.kind].map((id) => objectId(id)))),
          extension(
            "2.5.29.17",
            false,
            sequence(
              value(0x86, Buffer.from(identityUri(region, identity), "latin1")),
              ...hosts.filter(isHost).map(hostName),
            ),
          ),
          subjectKey(publicKey),
          authorityKey(issuerKey),
        ],
      },
      key,
    )
  })

/** SHA-256 of a certificate, base64url: what a token says about the authority. */
export const fingerprintOf = (certificate: string | Buffer): string =>
  createHash("sha256").update(new X509Certificate(certificate).raw).digest("base64url")

const parsed = (pem: string): X509Certificate | undefined => {
  try {
    return new X509Certificate(pem)
  } catch {
    return undefined
  }
}

/** Whether `certificate` (PEM) is one that `authority` (PEM) gave out and that holds now. */
export const checkCertificate = (
  authority: string,
  certificate: string,
  nowMs: number,
): Effect.Effect<Checked, CertificateRefused> =>
  Effect.suspend(() => {
    const refused = (reason: CertificateRefused["reason"], message: string) =>
      Effect.fail(new CertificateRefused({ reason, message }))
    const [issuer, one] = [parsed(authority), parsed(certificate)]
    if (issuer === undefined || one === undefined)
      return refused("unreadable", "the certificate cannot be read")
    if (one.ca || !one.checkIssued(issuer) || !one.verify(issuer.publicKey))
      return refused("authority", "the certificate is of another authority")
    const notBeforeMs = one.validFromDate.getTime()
    const notAfterMs = one.validToDate.getTime()
    if (nowMs > notAfterMs)
      return refused("expired", `the certificate expired at ${one.validToDate.toISOString()}`)
    if (nowMs < notBeforeMs) {
      return refused(
        "not yet valid",
        `the certificate is valid from ${one.validFromDate.toISOString()} on: check this machine's clock`,
      )
    }
    const identity = identityIn(one)
    if (identity === undefined) return refused("identity", "the certificate names nobody")
    const { kind, name, region } = identity
    return Effect.succeed({ identity: { kind, name }, region, notBeforeMs, notAfterMs })
  })
