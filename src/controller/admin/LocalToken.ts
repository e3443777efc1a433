// The token of whoever may read the server's data directory: made at the first start, administrator's role. It is how the first
// person gets in, and how `sonde admin` on the same machine needs no set-up.

import { randomBytes } from "node:crypto"
import { mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import { adminTokenFile } from "../../runtime/dataFiles.ts"

export class LocalTokenError extends Data.TaggedError("LocalTokenError")<{ readonly message: string }> {}

const pattern = /^[0-9a-f]{64}$/

/** Readable by its owner only. */
export const localToken = (directory: string): Effect.Effect<string, LocalTokenError> =>
  Effect.try({
    try: () => {
      const path = join(directory, adminTokenFile)
      mkdirSync(directory, { recursive: true })
      try {
        const kept = readFileSync(path, "utf8").trim()
        if (pattern.test(kept)) return kept
      } catch (cause) {
        if ((cause as NodeJS.ErrnoException).code !== "ENOENT") throw cause
      }
      const token = randomBytes(32).toString("hex")
      writeFileSync(path, `${token}\n`, { mode: 0o600 })
      return token
    },
    catch: (cause) =>
      new LocalTokenError({
        message: `${join(directory, adminTokenFile)} cannot be used (${(cause as Error).message}): choose another data directory with --data DIR`,
      }),
  })
