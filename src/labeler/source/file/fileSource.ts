// A file of resources (CMDB), YAML or CSV, read again whenever it changes. A file with a fault changes nothing: what was read last
// stays in force, and the fault is told.

import { basename } from "node:path"
import * as Effect from "effect/Effect"
import type { ResourceSource, SourceUpdate } from "../ResourceSource.ts"
import { watchPath } from "../watchPath.ts"
import { fileLimits } from "./FileRow.ts"
import { parseApart } from "./parseApart.ts"
import { readBounded } from "./readBounded.ts"

export const fileDomain = (path: string): string => `cmdb:${basename(path)}`

export const fileSource = (path: string, domain = fileDomain(path)): ResourceSource => {
  const read: Effect.Effect<SourceUpdate> = readBounded(path, fileLimits.fileBytes).pipe(
    Effect.flatMap((bytes) => parseApart(path, bytes)),
    Effect.match({
      onSuccess: (found): SourceUpdate => ({ type: "snapshot", ...found }),
      onFailure: ({ message }): SourceUpdate => ({
        type: "problem",
        message: message.startsWith("line ") ? `${path}: ${message}` : `${path} ${message}`,
      }),
    }),
  )
  return {
    domain,
    run: (emit) => watchPath({ path, matches: () => true }, Effect.flatMap(read, emit)),
  }
}
