import { assert, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import { randomBytes } from "node:crypto"
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { coordinationInProcess } from "../../runtime/coordination/memory.ts"
import { digestOf, makeSigningKey, signerOf, signPackage } from "../../runtime/packageSignature.ts"
import { tablesEngine } from "../../tables/tables.testing.ts"
import { until } from "../controller.testing.ts"
import { type PackagePart, Packages, partBytes } from "./Packages.ts"

const directory = mkdtempSync(join(tmpdir(), "sonde-packages-"))
const keyFile = join(directory, "key.pem")

const world = Packages.layer("/sonde/test/").pipe(Layer.provide([coordinationInProcess(), tablesEngine()]))

const upload = (
  name: string,
  version: string,
  bytes: Uint8Array,
  changes: Partial<PackagePart> = {},
  size = 100_000,
) =>
  Effect.gen(function* () {
    const packages = yield* Packages
    const signed = yield* Effect.orDie(signPackage(bytes, readFileSync(keyFile)))
    const id = randomBytes(4).toString("hex")
    for (let part = 0; ; part++) {
      const isLast = (part + 1) * size >= bytes.length
      const view = yield* packages.add(
        {
          kind: "plugin",
          name,
          version,
          ...signed,
          upload: id,
          part,
          isLast,
          bytes: bytes.subarray(part * size, (part + 1) * size),
          ...changes,
        },
        "tester",
      )
      if (isLast) return view!
    }
  })

const read = (digest: string, offset: number) =>
  Effect.gen(function* () {
    const packages = yield* Packages
    const chunks = yield* Stream.runCollect(packages.read(digest, offset))
    return Buffer.concat([...chunks])
  })

layer(world, { excludeTestServices: true })("Packages", (it) => {
  it.effect("stores what is signed and gives it back from any byte on", () =>
    Effect.gen(function* () {
      const trusted = yield* makeSigningKey(keyFile)
      for (const length of [0, 1, partBytes - 1, partBytes, partBytes + 1, 3 * partBytes + 17]) {
        const bytes = randomBytes(length)
        const view = yield* upload(`p${length}`, "1.0", bytes)
        assert.deepInclude(view, {
          bytes: length,
          digest: digestOf(bytes),
          addedBy: "tester",
          signer: trusted,
        })
        const packages = yield* Packages
        yield* until(() => packages.list().some(({ digest }) => digest === view.digest))
        for (const offset of [0, 1, partBytes, length].filter((one) => one <= length)) {
          assert.isTrue(
            (yield* read(view.digest, offset)).equals(bytes.subarray(offset)),
            `${length} from ${offset}`,
          )
        }
        const beyond = yield* Effect.flip(read(view.digest, length + 1))
        assert.strictEqual(beyond.reason, "invalid")
      }
      assert.strictEqual((yield* Effect.flip(read("ab", 0))).reason, "not found")
    }),
  )

  it.effect(
    "refuses wrong signatures, other bytes under a known version, parts out of order, wrong names",
    () =>
      Effect.gen(function* () {
        const packages = yield* Packages
        const bytes = randomBytes(1_000)
        const foreign = join(directory, "foreign.pem")
        yield* makeSigningKey(foreign)
        const other = yield* signPackage(bytes, readFileSync(foreign))
        const forged = yield* Effect.flip(upload("forged", "1", bytes, { signature: other.signature }))
        assert.deepInclude(forged, { reason: "invalid" })
        assert.include(forged.message, "signature")
        yield* upload("same", "1", bytes)
        // The same again is no change.
        yield* upload("same", "1", bytes)
        assert.strictEqual((yield* Effect.flip(upload("same", "1", randomBytes(10)))).reason, "conflict")
        assert.strictEqual((yield* Effect.flip(upload("late", "1", bytes, { part: 3 }))).reason, "invalid")
        assert.strictEqual((yield* Effect.flip(upload("../x", "1", bytes))).reason, "invalid")
        assert.isFalse(packages.list().some(({ name }) => ["forged", "late", "../x"].includes(name)))
      }),
  )

  it.effect("removes a package with its bytes, and knows the name that agents' packages have", () =>
    Effect.gen(function* () {
      const packages = yield* Packages
      const { digest } = yield* upload("plug", "1", randomBytes(10))
      yield* until(() => packages.get("plug", "1") !== undefined)
      yield* packages.remove("plug", "1")
      yield* until(() => packages.get("plug", "1") === undefined)
      assert.strictEqual((yield* Effect.flip(read(digest, 0))).reason, "not found")
      assert.strictEqual((yield* Effect.flip(packages.remove("plug", "1"))).reason, "not found")
      for (const [kind, name] of [
        ["agent", "plug"],
        ["plugin", "sonde-agent"],
      ] as const) {
        const wrong = yield* Effect.flip(upload(name, "1", randomBytes(10), { kind }))
        assert.include(wrong.message, "have the name sonde-agent")
      }
    }),
  )

  it.effect("trusts the keys it is told of and no others", () =>
    Effect.gen(function* () {
      const bytes = randomBytes(100)
      const { signature, signer } = yield* signPackage(bytes, readFileSync(keyFile))
      const digest = digestOf(bytes)
      assert.strictEqual(signerOf(digest, signature, ["", "AAAA", signer]), signer)
      assert.isUndefined(signerOf(digest, signature, []))
      assert.isUndefined(signerOf(digestOf(randomBytes(100)), signature, [signer]))
      assert.isUndefined(signerOf(digest, "no base64 at all", [signer]))
      const again = yield* Effect.flip(makeSigningKey(keyFile))
      assert.include(again.message, "is there already")
      const noKey = yield* Effect.flip(signPackage(bytes, Buffer.from("hello")))
      assert.include(noKey.message, "expected an Ed25519 private key as PEM")
      rmSync(directory, { recursive: true })
    }),
  )
})
