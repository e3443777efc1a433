// `sonde admin certificates ...`: which certificates of agents are taken no more.

import * as Effect from "effect/Effect"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import { print, table } from "../../output.ts"
import { adminFlags, withAdmin } from "./adminClient.ts"
import { show, when } from "./words.ts"

const list = Command.make(
  "list",
  adminFlags,
  Effect.fnUntraced(function* (flags) {
    const revoked = yield* withAdmin(flags, (client) => client.Revocations({}))
    show(flags.json, revoked, () =>
      revoked.length === 0
        ? "No certificate is revoked."
        : table(
            ["AGENT", "REVOKED (UTC)", "KEPT UNTIL (UTC)", "BY", "REASON"],
            revoked.map((one) => [one.agent, when(one.atMs), when(one.untilMs), one.by, one.reason]),
          ),
    )
  }),
).pipe(Command.withDescription("List agents whose certificates were revoked and have not ended yet"))

const revoke = Command.make(
  "revoke",
  {
    id: Argument.String("agent").pipe(Argument.withDescription("Id of the agent")),
    reason: Flag.String("reason").pipe(
      Flag.withDescription("Told to the agent as well"),
      Flag.withDefault(""),
    ),
    ...adminFlags,
  },
  Effect.fnUntraced(function* ({ id, reason, ...flags }) {
    yield* withAdmin(flags, (client) => client.CertificateRevoke({ id, reason }))
    print(
      `agent ${id}: its certificates are revoked on all servers, and its connections are cut; it comes back only with a token made from now on`,
    )
  }),
).pipe(Command.withDescription("Revoke all certificates of an agent"))

export const certificates = Command.make("certificates").pipe(
  Command.withDescription("Certificates of agents that are taken no more"),
  Command.withSubcommands([list, revoke]),
)
