// Asks a running Sonde server over its HTTP API, for commands that show what it knows.

import { readFileSync } from "node:fs"
import type { ConnectionOptions } from "node:tls"
import * as Effect from "effect/Effect"
import type * as CliError from "effect/cli/CliError"
import { askHttp, webTrust } from "../runtime/askHttp.ts"
import type { SondeConfig } from "../runtime/configSchema.ts"
import { readAuthority } from "../runtime/tls/files.ts"
import { pinned } from "../runtime/tls/webTls.ts"
import { formatAddress, isLoopback } from "../wire/socket.ts"
import { fail } from "./options.ts"

const bytesMost = 256 * 1_024 * 1_024

/** By the certificate that the server was given, the authority that the data directory knows, or those of the system. */
const tlsTo = ({ data, http }: SondeConfig): Effect.Effect<ConnectionOptions, CliError.UserError> =>
  http.certificate === ""
    ? readAuthority(data).pipe(
        Effect.map((authority) => webTrust(authority)),
        Effect.mapError(({ message }) => fail(message)),
      )
    : Effect.try({
        try: () => pinned(readFileSync(http.certificate, "utf8")),
        catch: (cause) => fail(`http.certificate: ${(cause as Error).message}`),
      })

const call = (
  config: SondeConfig,
  path: string,
  question: { readonly method: "GET" | "POST"; readonly body?: unknown },
): Effect.Effect<unknown, CliError.UserError> =>
  Effect.gen(function* () {
    const isTls = config.http.tls === "always" || !isLoopback(config.http.host)
    const base = `${isTls ? "https" : "http"}://${formatAddress(config.http)}`
    const tls = isTls ? yield* tlsTo(config) : {}
    const { status, text } = yield* Effect.tryPromise({
      try: (signal) => askHttp(base + path, { ...question, tls, bytesMost, signal }),
      catch: (cause) =>
        (cause as NodeJS.ErrnoException).code === "ECONNREFUSED"
          ? fail(`no Sonde answers at ${base}; start one with \`sonde up\`, or name its port with --http`)
          : fail(`${base} does not answer: ${(cause as Error).message}`),
    })
    const body = yield* Effect.try({
      try: () =>
        JSON.parse(text) as {
          readonly DESCRIPTION?: string
          readonly error?: { readonly message: string; readonly next?: string }
        },
      catch: () => fail(`${base} answers with status ${status}, and not as Sonde does`),
    })
    if (status >= 200 && status < 300) return body
    const next = body.error?.next === undefined ? "" : `\n${body.error.next}`
    return yield* fail((body.error?.message ?? body.DESCRIPTION ?? `HTTP ${status}`) + next)
  })

export const getJson = (config: SondeConfig, path: string): Effect.Effect<unknown, CliError.UserError> =>
  call(config, path, { method: "GET" })

export const postJson = (
  config: SondeConfig,
  path: string,
  body: unknown,
): Effect.Effect<unknown, CliError.UserError> => call(config, path, { method: "POST", body })
