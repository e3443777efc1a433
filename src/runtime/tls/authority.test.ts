import { assert, describe, it } from "@effect/vitest"
import { execFileSync } from "node:child_process"
import { createPublicKey, generateKeyPairSync, X509Certificate } from "node:crypto"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import * as FastCheck from "fast-check"
import { checkCertificate, dayMs, fingerprintOf, issue, makeAuthority, openAuthority } from "./authority.ts"
import { makeCsr, readCsr } from "./csr.ts"
import { integer, objectId, readAll, sequence, time, value } from "./der.ts"
import { fromPem, toPem } from "./pem.ts"

const nowMs = Date.UTC(2026, 4, 1)

const world = Effect.gen(function* () {
  const authority = yield* makeAuthority("north", nowMs)
  const { csr, key } = makeCsr("box")
  const { publicKey } = yield* readCsr(csr)
  const certificate = yield* issue(authority, {
    identity: { kind: "agent", name: "box-1" },
    publicKey,
    days: 7,
    nowMs,
  })
  return { authority, csr, key, publicKey, certificate }
})

describe("authority", () => {
  it.effect("certifies who is named, for as long as was asked", () =>
    Effect.gen(function* () {
      const { authority, certificate } = yield* world
      const checked = yield* checkCertificate(authority.certificate, certificate, nowMs)
      assert.deepStrictEqual(checked, {
        identity: { kind: "agent", name: "box-1" },
        region: "north",
        notBeforeMs: nowMs - 3_600_000,
        notAfterMs: nowMs + 7 * dayMs,
      })
    }),
  )

  it.effect("refuses other authorities, times and names", () =>
    Effect.gen(function* () {
      const { authority, certificate, publicKey } = yield* world
      const other = yield* makeAuthority("north", nowMs)
      const reason = (ca: string, pem: string, atMs: number) =>
        Effect.map(Effect.flip(checkCertificate(ca, pem, atMs)), (refused) => refused.reason)
      assert.strictEqual(yield* reason(other.certificate, certificate, nowMs), "authority")
      assert.strictEqual(yield* reason(authority.certificate, authority.certificate, nowMs), "authority")
      assert.strictEqual(yield* reason(authority.certificate, certificate, nowMs + 7 * dayMs + 1), "expired")
      assert.strictEqual(yield* reason(authority.certificate, certificate, nowMs - dayMs), "not yet valid")
      assert.strictEqual(yield* reason(authority.certificate, "rubbish", nowMs), "unreadable")
      for (const name of ["", "a/../b", "a,URI:sonde://north/admin/x", "x".repeat(65), "a b"]) {
        const failed = yield* Effect.flip(
          issue(authority, { identity: { kind: "agent", name }, publicKey, days: 1, nowMs }),
        )
        assert.include(failed.message, "expected up to 64 letters")
      }
    }),
  )

  it.effect("opens again with its key, and with no other", () =>
    Effect.gen(function* () {
      const { authority, key } = yield* world
      const pem = authority.key.export({ type: "pkcs8", format: "pem" }).toString()
      const again = yield* openAuthority("north", authority.certificate, pem)
      assert.strictEqual(fingerprintOf(again.certificate), fingerprintOf(authority.certificate))
      assert.include(
        (yield* Effect.flip(openAuthority("north", authority.certificate, key))).message,
        "another certificate",
      )
    }),
  )

  it.effect("is what OpenSSL takes for an authority and its certificates", () =>
    Effect.gen(function* () {
      const { authority, certificate, csr, publicKey } = yield* world
      const server = yield* issue(authority, {
        identity: { kind: "server", name: "s1" },
        publicKey,
        days: 7,
        nowMs,
      })
      const directory = yield* Effect.acquireRelease(
        Effect.sync(() => mkdtempSync(join(tmpdir(), "sonde-authority-"))),
        (path) => Effect.sync(() => rmSync(path, { recursive: true })),
      )
      const file = (name: string, text: string) => {
        writeFileSync(join(directory, name), text)
        return join(directory, name)
      }
      const openssl = (...words: ReadonlyArray<string>) =>
        execFileSync("openssl", words, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] })
      const ca = file("ca.pem", authority.certificate)
      const verify = (pem: string, purpose: string) =>
        openssl(
          "verify",
          "-x509_strict",
          "-attime",
          String(nowMs / 1_000),
          "-purpose",
          purpose,
          "-CAfile",
          ca,
          pem,
        )
      const agentFile = file("agent.pem", certificate)
      assert.include(verify(agentFile, "sslclient"), "OK")
      assert.throws(() => verify(agentFile, "sslserver"))
      assert.include(verify(file("server.pem", server), "sslserver"), "OK")
      assert.include(openssl("x509", "-noout", "-text", "-in", agentFile), "URI:sonde://north/agent/box-1")
      openssl("req", "-noout", "-verify", "-in", file("csr.pem", csr))
    }),
  )
})

describe("certificate requests", () => {
  it.effect("give the key that made them", () =>
    Effect.gen(function* () {
      const { csr, key } = makeCsr("box")
      const read = yield* readCsr(csr)
      assert.isTrue(read.publicKey.equals(createPublicKey(key)))
    }),
  )

  it.effect("are refused when any byte is another", () =>
    Effect.gen(function* () {
      const { csr } = makeCsr("box")
      const { bytes } = fromPem(csr)[0]!
      const good = yield* readCsr(csr)
      for (let at = 0; at < bytes.length; at++) {
        for (const flip of [1, 128]) {
          const mutated = Buffer.from(bytes)
          mutated[at] = mutated[at]! ^ flip
          const result = yield* Effect.exit(readCsr(toPem("CERTIFICATE REQUEST", mutated)))
          assert.isTrue(result._tag === "Failure", `byte ${at} of ${bytes.length} does not count`)
        }
      }
      assert.isString(good.keyDigest)
    }),
  )

  it.effect("are refused for other keys", () =>
    Effect.gen(function* () {
      for (const curve of ["P-384", "secp256k1"]) {
        const { publicKey } = generateKeyPairSync("ec", { namedCurve: curve })
        const { csr } = makeCsr("box")
        const { bytes } = fromPem(csr)[0]!
        const [info, algorithm, signature] = readAll(readAll(bytes, 1)![0]!.content, 3)!
        const [version, subject] = readAll(info!.content, 4)!
        const swapped = sequence(
          sequence(
            version!.whole,
            subject!.whole,
            publicKey.export({ type: "spki", format: "der" }),
            value(0xa0),
          ),
          algorithm!.whole,
          signature!.whole,
        )
        const refused = yield* Effect.flip(readCsr(toPem("CERTIFICATE REQUEST", swapped)))
        assert.include(refused.message, "P-256")
      }
    }),
  )

  it("never throw, whatever is read", () => {
    FastCheck.assert(
      FastCheck.property(FastCheck.uint8Array({ maxLength: 300 }), (bytes) => {
        readAll(Buffer.from(bytes), 100)
        const exit = Effect.runSyncExit(readCsr(toPem("CERTIFICATE REQUEST", bytes)))
        assert.strictEqual(exit._tag, "Failure")
      }),
    )
    FastCheck.assert(
      FastCheck.property(FastCheck.string({ maxLength: 300 }), (text) => {
        assert.strictEqual(Effect.runSyncExit(readCsr(text))._tag, "Failure")
      }),
    )
  })
})

describe("DER", () => {
  it("writes what it reads", () => {
    FastCheck.assert(
      FastCheck.property(
        FastCheck.array(FastCheck.uint8Array({ maxLength: 400 }), { maxLength: 5 }),
        (contents) => {
          const bytes = Buffer.concat(contents.map((content) => value(0x04, content)))
          const read = readAll(bytes, 5)
          assert.deepStrictEqual(
            read?.map(({ content }) => [...content]),
            contents.map((content) => [...content]),
          )
        },
      ),
    )
  })

  it("writes numbers, names and times as the standard does", () => {
    assert.strictEqual(integer(Buffer.from([0, 0, 0x80])).toString("hex"), "02020080")
    assert.strictEqual(integer(Buffer.from([0])).toString("hex"), "020100")
    assert.strictEqual(objectId("1.2.840.10045.4.3.2").toString("hex"), "06082a8648ce3d040302")
    assert.strictEqual(
      time(Date.UTC(2049, 11, 31, 23, 59, 59))
        .subarray(2)
        .toString(),
      "491231235959Z",
    )
    assert.strictEqual(
      time(Date.UTC(2050, 0, 1))
        .subarray(2)
        .toString(),
      "20500101000000Z",
    )
  })

  it("refuses lengths that are not the shortest, or beyond the bytes", () => {
    for (const hex of ["048101ff", "0480", "04820001ff", "0485000000000100", "0401", "1f0100", "04"]) {
      assert.isUndefined(readAll(Buffer.from(hex, "hex"), 9), hex)
    }
    assert.isTrue(new X509Certificate(Effect.runSync(makeAuthority("r", nowMs)).certificate).ca)
  })
})
