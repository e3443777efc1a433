// Calls about tokens. The secret of a token is in the answer that makes it and nowhere else.

import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type { RegionAuthority } from "../enrol/RegionAuthority.ts"
import { TokenRole, type Tokens } from "../enrol/Tokens.ts"
import { type AdminHandlers, adminError } from "./AdminCalls.ts"

const hoursMost = 87_600

const away = ({ message }: { readonly message: string }) =>
  adminError("unavailable", message, "try again in a moment")

export const tokenCalls = (
  tokens: Tokens["Service"],
  authority: RegionAuthority["Service"],
): Pick<AdminHandlers, "Tokens" | "TokenMake" | "TokenRevoke"> => ({
  Tokens: () =>
    Effect.mapError(
      Effect.map(tokens.list, (all) =>
        all.map(({ createdMs, expiresMs, id, isRevoked, note, role, uses, usesMost }) => ({
          id,
          role,
          note,
          createdMs,
          expiresMs,
          uses,
          usesMost,
          isRevoked,
        })),
      ),
      away,
    ),
  TokenMake: ({ hours, note, role, usesMost }) =>
    Effect.gen(function* () {
      if (!Schema.is(TokenRole)(role))
        return yield* adminError(
          "invalid",
          `role: expected agent, viewer, operator or admin, found "${role}"`,
        )
      if (!Number.isInteger(hours) || hours < 0 || hours > hoursMost)
        return yield* adminError("invalid", `hours: expected 0 (for ever) to ${hoursMost}, found ${hours}`)
      if (!Number.isInteger(usesMost) || usesMost < 0)
        return yield* adminError("invalid", `uses: expected 0 (any number) or more, found ${usesMost}`)
      return yield* Effect.mapError(tokens.make({ role, note, hours, usesMost }, authority.fingerprint), away)
    }),
  TokenRevoke: ({ id }) =>
    Effect.gen(function* () {
      if (!(yield* Effect.mapError(tokens.revoke(id), away)))
        return yield* adminError(
          "not found",
          `there is no token ${id}`,
          "`sonde admin tokens list` shows all",
        )
    }),
})
