// The agent's name: random, made at its first start on this host, kept in its data directory.

import { randomUUID } from "node:crypto"
import { mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"

/** The agent cannot start; the message says what to change. */
export class AgentStartError extends Data.TaggedError("AgentStartError")<{ readonly message: string }> {}

const pattern = /^[0-9a-zA-Z._-]{1,64}$/

const read = (directory: string): string => {
  const path = join(directory, "agent-id")
  mkdirSync(directory, { recursive: true })
  try {
    const known = readFileSync(path, "utf8").trim()
    if (pattern.test(known)) return known
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== "ENOENT") throw cause
  }
  const id = randomUUID()
  writeFileSync(path, `${id}\n`)
  return id
}

export const readAgentId = (directory: string): Effect.Effect<string, AgentStartError> =>
  Effect.try({
    try: () => read(directory),
    catch: (cause) =>
      new AgentStartError({
        message: `the data directory ${directory} cannot be used (${(cause as NodeJS.ErrnoException).code}): choose another with --data DIR`,
      }),
  })

/** The name that the servers gave this agent instead of the one it had. */
export const takeAgentId = (directory: string, id: string): Effect.Effect<void> =>
  Effect.ignore(Effect.try(() => writeFileSync(join(directory, "agent-id"), `${id}\n`)))
