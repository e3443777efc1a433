// Reads a file, unless it is larger than allowed. Faults are in words for people.

import { open } from "node:fs/promises"
import * as Effect from "effect/Effect"
import { fault, FileFault } from "./FileRow.ts"

const reason = (cause: unknown): string => {
  const { code, message } = cause as NodeJS.ErrnoException
  return code === "ENOENT" ? "is not there" : `cannot be read (${code ?? message})`
}

export const readBounded = (path: string, mostBytes: number): Effect.Effect<Uint8Array, FileFault> =>
  Effect.tryPromise({
    try: async () => {
      await using file = await open(path, "r")
      const { size } = await file.stat()
      if (size > mostBytes) throw fault(0, `is ${size} bytes large, at most ${mostBytes} are allowed`)
      return await file.readFile()
    },
    catch: (cause) => (cause instanceof FileFault ? cause : fault(0, reason(cause))),
  })
