// Entry of the `sonde` command. Exit status is 0 only when the command did what it was asked.

import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Runtime from "effect/Runtime"
import * as Command from "effect/cli/Command"
import { commandsFor } from "./commands/commands.ts"
import { version } from "./version.ts"

/** Exit status of Effect's default teardown after an interruption. */
const interrupted = 130

const sonde = Command.make("sonde").pipe(
  Command.withDescription(
    "Zero-code observability: who calls whom on this machine, how often, how fast, what fails",
  ),
  Command.withSubcommands((await commandsFor(process.argv.slice(2))) as never),
)

Command.run(sonde, { version }).pipe(
  // Expected failures have been printed; what is left is a bug and deserves its stack.
  Effect.tapCause((cause) =>
    Cause.hasDies(cause) ? Effect.sync(() => process.stderr.write(`${Cause.pretty(cause)}\n`)) : Effect.void,
  ),
  Effect.provide(NodeServices.layer),
  (program) =>
    NodeRuntime.runMain(program, {
      disableErrorReporting: true,
      // An orderly end on SIGINT or SIGTERM is what was asked for; service managers take other numbers for a failure.
      teardown: (exit, onExit) =>
        Runtime.defaultTeardown(exit, (code) => onExit(code === interrupted ? 0 : code)),
    }),
)
