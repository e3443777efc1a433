// How `sonde admin` reaches a server: its address, the token, TLS where the server has it; errors become words with the next step.

import { existsSync, readFileSync } from "node:fs"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type * as CliError from "effect/cli/CliError"
import * as Flag from "effect/cli/Flag"
import * as Option from "effect/Option"
import { connectRpc, withBearer } from "../../../runtime/rpc/connectRpc.ts"
import { readClientTls } from "../../../runtime/tls/files.ts"
import { clientTls, fetchAuthority } from "../../../runtime/tls/tlsOptions.ts"
import { type AdminError, AdminRpc } from "../../../wire/control/AdminRpc.ts"
import { parseToken } from "../../../wire/enrolToken.ts"
import { type Address, formatAddress, isLoopback, parseAddress } from "../../../wire/socket.ts"
import { type ConfigFlags, configFlags, configOf, fail, json } from "../../options.ts"
import { adminTokenFile } from "../../../runtime/dataFiles.ts"

export const adminFlags = {
  ...configFlags,
  json,
  server: Flag.String("server").pipe(
    Flag.withMetavar("HOST:PORT"),
    Flag.withDescription(
      "Administration address of any server of the region; default: admin.host and admin.port",
    ),
    Flag.optional,
  ),
  token: Flag.String("token").pipe(
    Flag.withDescription("Token to present; default: admin.token, else that of the data directory"),
    Flag.optional,
  ),
}

export interface AdminFlags extends ConfigFlags {
  readonly json: boolean
  readonly server: Option.Option<string>
  readonly token: Option.Option<string>
}

const answerMs = 5_000

const told = (error: AdminError | { readonly message: string }): CliError.UserError =>
  fail("next" in error && error.next !== "" ? `${error.message}\n${error.next}` : error.message)

/** By the authority that the token names, or the one that the data directory knows. */
const tlsTo = (address: Address, data: string, token: string) => {
  const parsed = parseToken(token)
  return parsed === undefined
    ? readClientTls(data)
    : Effect.map(fetchAuthority(address, parsed.fingerprint, answerMs), (authority) =>
        clientTls({ authority }),
      )
}

const connect = Effect.fnUntraced(function* (flags: AdminFlags) {
  const config = yield* configOf(flags)
  const text = Option.getOrElse(flags.server, () => formatAddress(config.admin))
  const address = parseAddress(text)
  if (address === undefined) return yield* fail(`--server ${text}: expected HOST:PORT`)
  const file = join(config.data, adminTokenFile)
  const kept = existsSync(file) ? readFileSync(file, "utf8").trim() : ""
  const token = Option.getOrElse(flags.token, () => config.admin.token || kept)
  if (token === "") {
    return yield* fail(
      `no token: name the server's data directory with --data, or a token with --token (make one with \`sonde admin tokens make\`)`,
    )
  }
  const hasTls = config.cluster.tls === "always" || !isLoopback(address.host)
  const tls = hasTls ? yield* Effect.mapError(tlsTo(address, config.data, token), told) : undefined
  const { client } = yield* connectRpc(AdminRpc, {
    address,
    timeoutMs: answerMs,
    ...(tls === undefined ? {} : { tls }),
  }).pipe(
    Effect.mapError(({ message }) =>
      fail(
        `no server answers at ${text}: ${message}\nStart one with \`sonde up\`, or name another with --server`,
      ),
    ),
  )
  return { client, token }
})

export type AdminClient = Effect.Success<ReturnType<typeof connect>>["client"]

/** Does `work` with a connected client. */
export const withAdmin = <A>(
  flags: AdminFlags,
  work: (client: AdminClient) => Effect.Effect<A, AdminError | { readonly message: string }, Scope.Scope>,
): Effect.Effect<A, CliError.UserError> =>
  Effect.gen(function* () {
    const { client, token } = yield* connect(flags)
    return yield* work(client).pipe(withBearer(token), Effect.mapError(told))
  }).pipe(Effect.scoped)
