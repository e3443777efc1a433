// `sonde admin tokens|audit|whoami|metrics|domains`: who may do what, who did what, and what a component counts.

import * as Effect from "effect/Effect"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import { print, printJson, table } from "../../output.ts"
import { adminFlags, withAdmin } from "./adminClient.ts"
import { show, when } from "./words.ts"

const listTokens = Command.make(
  "list",
  adminFlags,
  Effect.fnUntraced(function* (flags) {
    const tokens = yield* withAdmin(flags, (client) => client.Tokens({}))
    show(flags.json, tokens, () =>
      tokens.length === 0
        ? "There are no tokens. `sonde admin tokens make agent` makes one for agents to enrol with."
        : table(
            ["TOKEN", "ROLE", "USES", "EXPIRES (UTC)", "STATE", "NOTE"],
            tokens.map((token) => [
              token.id,
              token.role,
              token.usesMost === 0 ? String(token.uses) : `${token.uses} of ${token.usesMost}`,
              token.expiresMs === 0 ? "never" : when(token.expiresMs),
              token.isRevoked ? "revoked" : "",
              token.note,
            ]),
          ),
    )
  }),
).pipe(Command.withDescription("List tokens; their secrets are not kept"))

const makeToken = Command.make(
  "make",
  {
    role: Argument.Literals("role", ["agent", "viewer", "operator", "admin"]).pipe(
      Argument.withDescription("`agent` enrols agents; the others administer, each more than the one before"),
    ),
    hours: Flag.Int("hours").pipe(
      Flag.withDescription("How long it is valid; 0: for ever"),
      Flag.withDefault(24),
    ),
    uses: Flag.Int("uses").pipe(
      Flag.withDescription("How often it may be used; 0: any number"),
      Flag.withDefault(0),
    ),
    note: Flag.String("note").pipe(Flag.withDefault("")),
    ...adminFlags,
  },
  Effect.fnUntraced(function* ({ hours, note, role, uses, ...flags }) {
    const made = yield* withAdmin(flags, (client) => client.TokenMake({ role, note, hours, usesMost: uses }))
    if (flags.json) printJson(made)
    else
      print(
        `${made.token}\n\nKeep it now: it is not shown again. Revoke it with \`sonde admin tokens revoke ${made.id}\`.`,
      )
  }),
).pipe(Command.withDescription("Make a token"))

const revokeToken = Command.make(
  "revoke",
  { id: Argument.String("token"), ...adminFlags },
  Effect.fnUntraced(function* ({ id, ...flags }) {
    yield* withAdmin(flags, (client) => client.TokenRevoke({ id }))
    print(`token ${id} is revoked`)
  }),
).pipe(Command.withDescription("Revoke a token"))

export const tokens = Command.make("tokens").pipe(
  Command.withDescription("Tokens for agents to enrol with, and for people to administer with"),
  Command.withSubcommands([listTokens, makeToken, revokeToken]),
)

export const audit = Command.make(
  "audit",
  { last: Flag.Int("last").pipe(Flag.withDescription("How many"), Flag.withDefault(50)), ...adminFlags },
  Effect.fnUntraced(function* ({ last, ...flags }) {
    const changes = yield* withAdmin(flags, (client) => client.Audit({ last }))
    show(flags.json, changes, () =>
      changes.length === 0
        ? "Nothing was changed yet."
        : table(
            ["WHEN (UTC)", "WHO", "WHAT", "ON", "DETAIL", "OUTCOME"],
            changes.map((one) => [when(one.atMs), one.who, one.what, one.on, one.detail, one.outcome]),
          ),
    )
  }),
).pipe(Command.withDescription("Who changed what, newest first"))

export const whoami = Command.make(
  "whoami",
  adminFlags,
  Effect.fnUntraced(function* (flags) {
    const me = yield* withAdmin(flags, (client) => client.WhoAmI({}))
    if (flags.json) printJson(me)
    else
      print(
        `${me.name}, role ${me.role}, at server ${me.server} of region ${me.region} (Sonde ${me.version})`,
      )
  }),
).pipe(Command.withDescription("Which role the token gives"))

export const metrics = Command.make(
  "metrics",
  {
    of: Argument.String("of").pipe(Argument.withDescription("Id of a server or an agent")),
    ...adminFlags,
  },
  Effect.fnUntraced(function* ({ of, ...flags }) {
    const values = yield* withAdmin(flags, (client) => client.Metrics({ of }))
    if (flags.json) return printJson(values)
    print(
      table(
        ["METRIC", "VALUE"],
        Object.entries(values)
          .toSorted(([one], [other]) => (one < other ? -1 : 1))
          .map(([name, value]) => [name, value]),
      ),
    )
  }),
).pipe(Command.withDescription("What a server or an agent counts, now"))

export const domains = Command.make(
  "domains",
  adminFlags,
  Effect.fnUntraced(function* (flags) {
    const found = yield* withAdmin(flags, (client) => client.Domains({}))
    show(flags.json, found, () =>
      table(
        ["DOMAIN", "KIND", "STATE", "RESOURCES", "MESSAGE"],
        found.map((one) => [
          String(one["name"]),
          String(one["kind"]),
          String(one["state"]),
          Number(one["resources"]),
          String(one["message"]),
        ]),
      ),
    )
  }),
).pipe(Command.withDescription("Where names and tags come from, and how that fares"))
