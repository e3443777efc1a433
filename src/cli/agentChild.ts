// The agent of `sonde up` as a child process. Its standard input is its lifeline: when the parent ends, however, it ends too.

import { spawn } from "node:child_process"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import { fileURLToPath } from "node:url"
import { configKeys } from "../runtime/configKeys.ts"
import type { SondeConfig } from "../runtime/configSchema.ts"
import { formatAddress } from "../wire/socket.ts"
import type { RunningServer } from "./startServer.ts"

export class AgentEnded extends Data.TaggedError("AgentEnded")<{ readonly message: string }> {}

/** Time the agent gets to flush and detach. */
const stopMs = 10_000

const main = fileURLToPath(new URL("main.ts", import.meta.url))

/** The configuration in force, key by key, as the environment of the child: it reads no file of its own. */
const environmentOf = (config: SondeConfig): Record<string, string> => {
  const environment: Record<string, string> = {}
  const defaulted: Array<string> = []
  for (const { default: byDefault, path, variable } of configKeys) {
    const value = path
      .split(".")
      .reduce<unknown>((node, part) => (node as Record<string, unknown>)[part], config)
    environment[variable] = Array.isArray(value) ? value.join(",") : String(value)
    if (JSON.stringify(value) === JSON.stringify(byDefault)) defaulted.push(variable)
  }
  // What nobody set, the server may.
  environment["SONDE_DEFAULTED"] = defaulted.join(",")
  return environment
}

/** Runs the agent until it ends (a failure) or the fiber is interrupted (then it is stopped in order). */
export const agentChild = (
  config: SondeConfig,
  { controlPort, ingestPort }: Pick<RunningServer, "controlPort" | "ingestPort">,
  token: string,
): Effect.Effect<never, AgentEnded> =>
  Effect.callback<never, AgentEnded>((resume) => {
    const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith("SONDE_"))
    const child = spawn(process.execPath, [...process.execArgv, main, "agent", "--with-parent"], {
      stdio: ["pipe", "ignore", "inherit"],
      env: {
        ...Object.fromEntries(inherited),
        ...environmentOf({
          ...config,
          agent: {
            ...config.agent,
            controllers: [formatAddress({ host: config.control.host, port: controlPort })],
            server: formatAddress({ host: config.ingest.host, port: ingestPort }),
            token,
          },
          // Ports that were given out: the agent leaves them alone.
          control: { ...config.control, port: controlPort },
        }),
      },
    })
    child.once("error", (cause) =>
      resume(new AgentEnded({ message: `the agent could not be started: ${cause.message}` })),
    )
    child.once("exit", (code, signal) =>
      resume(
        new AgentEnded({
          message: `the agent ended with ${signal === null ? `status ${code}` : `signal ${signal}`}`,
        }),
      ),
    )
    return Effect.callback<void>((stopped) => {
      if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined)
        return stopped(Effect.void)
      child.once("exit", () => stopped(Effect.void))
      child.kill("SIGTERM")
      setTimeout(() => child.kill("SIGKILL"), stopMs).unref()
    })
  })
