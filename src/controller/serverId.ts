// The server's name among the servers of its region: configured, or made at its first start and kept in its data directory.

import { randomBytes } from "node:crypto"
import { mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { hostname } from "node:os"
import { join } from "node:path"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"

export class ServerIdError extends Data.TaggedError("ServerIdError")<{ readonly message: string }> {}

const pattern = /^[a-zA-Z0-9][a-zA-Z0-9._-]{0,63}$/

export const serverId = (directory: string, configured: string): Effect.Effect<string, ServerIdError> =>
  Effect.try({
    try: () => {
      if (configured !== "") {
        if (!pattern.test(configured))
          throw new Error(`cluster.id: expected up to 64 letters, digits, . _ -, found "${configured}"`)
        return configured
      }
      const path = join(directory, "server-id")
      mkdirSync(directory, { recursive: true })
      try {
        const kept = readFileSync(path, "utf8").trim()
        if (pattern.test(kept)) return kept
      } catch (cause) {
        if ((cause as NodeJS.ErrnoException).code !== "ENOENT") throw cause
      }
      const host =
        hostname()
          .split(".")[0]!
          .replaceAll(/[^a-zA-Z0-9-]/g, "")
          .slice(0, 40) || "server"
      const id = `${host}-${randomBytes(3).toString("hex")}`
      writeFileSync(path, `${id}\n`)
      return id
    },
    catch: (cause) => {
      const { code, message } = cause as NodeJS.ErrnoException
      return new ServerIdError({
        message:
          code === undefined
            ? message
            : `the data directory ${directory} cannot be used (${code}): choose another with --data DIR`,
      })
    },
  })
