// The secret under which a region keeps what is encrypted: configured, or for a server that is alone made at its first start and kept
// in its data directory, apart from the administrator's token, which may be made anew.

import { randomBytes } from "node:crypto"
import { mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"

export class ClusterSecretError extends Data.TaggedError("ClusterSecretError")<{
  readonly message: string
}> {}

const file = "cluster-secret"

const read = (path: string): string | undefined => {
  try {
    return readFileSync(path, "utf8").trim()
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ENOENT") return undefined
    throw cause
  }
}

/** `configured`: `cluster.secret`; empty: that of the directory. */
export const clusterSecret = (
  directory: string,
  configured: string,
): Effect.Effect<string, ClusterSecretError> => {
  if (configured !== "") return Effect.succeed(configured)
  const path = join(directory, file)
  return Effect.try({
    try: () => {
      mkdirSync(directory, { recursive: true })
      const kept = read(path)
      if (kept !== undefined) {
        if (/^[0-9a-f]{64}$/.test(kept)) return kept
        throw new Error("it is not what Sonde wrote there: bring back a copy of it, or set cluster.secret")
      }
      const secret = randomBytes(32).toString("hex")
      writeFileSync(path, `${secret}\n`, { mode: 0o600, flag: "wx" })
      return secret
    },
    catch: (cause) => new ClusterSecretError({ message: `${path}: ${(cause as Error).message}` }),
  })
}
