// Asks a running Sonde server over its HTTP API, for commands that show what it knows.

import * as Effect from "effect/Effect"
import type * as CliError from "effect/cli/CliError"
import type { SondeConfig } from "../runtime/configSchema.ts"
import { formatAddress } from "../wire/socket.ts"
import { fail } from "./options.ts"

const call = (
  config: SondeConfig,
  path: string,
  init: RequestInit,
): Effect.Effect<unknown, CliError.UserError> => {
  const base = `http://${formatAddress(config.http)}`
  return Effect.tryPromise({
    try: async (signal) => {
      const response = await fetch(base + path, { ...init, signal })
      const body = (await response.json()) as {
        DESCRIPTION?: string
        error?: { message: string; next?: string }
      }
      if (response.ok) return body
      const next = body.error?.next === undefined ? "" : `\n${body.error.next}`
      throw new Error((body.error?.message ?? body.DESCRIPTION ?? `HTTP ${response.status}`) + next)
    },
    catch: (cause) => {
      const code = ((cause as Error).cause as NodeJS.ErrnoException | undefined)?.code
      if (code === "ECONNREFUSED") {
        return fail(`no Sonde answers at ${base}; start one with \`sonde up\`, or name its port with --http`)
      }
      // fetch says only that it failed; what went wrong is inside.
      const inner = (cause as Error).cause
      return fail(
        inner instanceof Error ? `${base} does not answer: ${inner.message}` : (cause as Error).message,
      )
    },
  })
}

export const getJson = (config: SondeConfig, path: string): Effect.Effect<unknown, CliError.UserError> =>
  call(config, path, {})

export const postJson = (
  config: SondeConfig,
  path: string,
  body: unknown,
): Effect.Effect<unknown, CliError.UserError> =>
  call(config, path, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  })
