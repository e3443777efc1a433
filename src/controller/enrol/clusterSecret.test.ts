import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { clusterSecret } from "./clusterSecret.ts"

it.effect("a server that is alone has a secret of its own, for ever", () =>
  Effect.gen(function* () {
    const directory = yield* Effect.acquireRelease(
      Effect.sync(() => mkdtempSync(join(tmpdir(), "sonde-secret-"))),
      (path) => Effect.sync(() => rmSync(path, { recursive: true })),
    )
    const secret = yield* clusterSecret(directory, "")
    assert.match(secret, /^[0-9a-f]{64}$/)
    assert.strictEqual(yield* clusterSecret(directory, ""), secret)
    assert.strictEqual(yield* clusterSecret(directory, "configured"), "configured")
    const file = join(directory, "cluster-secret")
    assert.strictEqual(statSync(file).mode & 0o777, 0o600)
    writeFileSync(file, "torn")
    assert.include((yield* Effect.flip(clusterSecret(directory, ""))).message, "set cluster.secret")
  }),
)
