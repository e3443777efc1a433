import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { chmodSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { makeCsr } from "./csr.ts"
import {
  keepAuthority,
  keepCredentials,
  keepRequest,
  readAuthority,
  readClientTls,
  readCredentials,
  readRequest,
} from "./files.ts"
import { testRegion } from "./region.testing.ts"

const directory = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "sonde-tls-"))),
  (path) => Effect.sync(() => rmSync(path, { recursive: true })),
)

const test = (name: string, effect: Effect.Effect<void, unknown, Scope.Scope>) =>
  it.effect(name, () => Effect.scoped(effect))

describe("files of a certificate", () => {
  test(
    "give back what was kept, for their owner alone",
    Effect.gen(function* () {
      const data = join(yield* directory, "data")
      assert.isUndefined(yield* readCredentials(data))
      const region = yield* testRegion()
      for (const name of ["a-1", "a-2"]) {
        const credentials = yield* region.credentials("agent", name)
        yield* keepCredentials(data, credentials)
        assert.deepStrictEqual(yield* readCredentials(data), credentials)
      }
      assert.strictEqual(yield* readAuthority(data), region.authority.certificate)
      assert.deepStrictEqual(readdirSync(join(data, "tls")).toSorted(), ["authority.pem", "identity.pem"])
      assert.strictEqual(statSync(join(data, "tls")).mode & 0o777, 0o700)
      assert.strictEqual(statSync(join(data, "tls", "identity.pem")).mode & 0o777, 0o600)
      const { cert, key } = yield* readClientTls(data)
      assert.isString(cert)
      assert.isString(key)
    }),
  )

  test(
    "keep a request until it is answered",
    Effect.gen(function* () {
      const data = yield* directory
      assert.isUndefined(yield* readRequest(data))
      const request = makeCsr("a-1")
      yield* keepRequest(data, request)
      assert.deepStrictEqual(yield* readRequest(data), request)
      const region = yield* testRegion()
      yield* keepCredentials(data, yield* region.credentials("agent", "a-1"))
      assert.isUndefined(yield* readRequest(data))
    }),
  )

  test(
    "are refused with the next step when others may read them, or they are something else",
    Effect.gen(function* () {
      const data = yield* directory
      assert.include(
        (yield* Effect.flip(readClientTls(data))).message,
        "copy it from the data directory of one",
      )
      const region = yield* testRegion()
      yield* keepAuthority(data, region.authority.certificate)
      assert.isUndefined((yield* readClientTls(data)).cert)
      yield* keepCredentials(data, yield* region.credentials("agent", "a-1"))
      const file = join(data, "tls", "identity.pem")
      chmodSync(file, 0o640)
      assert.include((yield* Effect.flip(readCredentials(data))).message, `chmod 600 ${file}`)
      chmodSync(file, 0o600)
      writeFileSync(file, "something else")
      assert.include((yield* Effect.flip(readCredentials(data))).message, "enrol again with a token")
      writeFileSync(join(data, "file"), "")
      const nowhere = yield* Effect.flip(keepAuthority(join(data, "file"), region.authority.certificate))
      assert.include(nowhere.message, "ENOTDIR")
    }),
  )
})
