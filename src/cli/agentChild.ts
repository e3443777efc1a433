// The agent as a child process, of `sonde up` or of a launcher. Its standard input is its lifeline: when the parent ends, however, it
// ends too.

import { spawn } from "node:child_process"
import { resolve } from "node:path"
import { fileURLToPath } from "node:url"
import type * as Effect from "effect/Effect"
import type { AgentOptions } from "../agent/main.ts"
import { type AgentEnded, launchAgent, type LauncherOptions } from "../agent/upgrade/Launcher.ts"
import { launcherVariable } from "../runtime/Config.ts"
import { configKeys } from "../runtime/configKeys.ts"
import type { SondeConfig } from "../runtime/configSchema.ts"
import { formatAddress } from "../wire/socket.ts"
import type { RunningServer } from "./startServer.ts"
import { version } from "./version.ts"

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

/**
 * Most JavaScript heap of the agent's main thread: what it has of batches lies outside. A last resort that keeps the system from
 * choosing whom to end; the capture worker has a limit of its own.
 */
const mainHeapMiB = ({ budget }: SondeConfig["agent"]): number =>
  Math.max(128, Math.round(budget.residentMiB / 3))

/** A new version has so long to come up, besides the time for which it has to work. */
const startMs = 60_000

/** Starts agents of this and of other versions, with these arguments; says to them who does. */
export const agentLauncher = (
  { agent, data }: SondeConfig,
  startArguments: ReadonlyArray<string>,
  environment: Readonly<Record<string, string | undefined>>,
): LauncherOptions => ({
  data: resolve(data),
  own: { node: process.execPath, entry: main, version },
  trialMs: agent.proveSeconds * 1_000 + startMs,
  start: ({ entry, node }) =>
    spawn(
      node,
      [
        ...process.execArgv,
        `--max-old-space-size=${mainHeapMiB(agent)}`,
        entry,
        ...startArguments,
        "--with-parent",
      ],
      {
        stdio: ["pipe", "ignore", "inherit", "ipc"],
        env: { ...environment, [launcherVariable]: version },
      },
    ),
})

/** What started this process, when that is a launcher. */
export const ownLauncher = (): AgentOptions["launcher"] => {
  const launcherVersion = process.env[launcherVariable]
  if (launcherVersion === undefined || process.send === undefined) return undefined
  return {
    version: launcherVersion,
    startArguments: process.argv.slice(2).filter((argument) => argument !== "--with-parent"),
    tell: (message) => {
      if (process.connected) process.send?.(message)
    },
  }
}

/** Runs the agent until it ends (a failure) or the fiber is interrupted (then it is stopped in order). */
export const agentChild = (
  config: SondeConfig,
  { controlPort, ingestPort }: Pick<RunningServer, "controlPort" | "ingestPort">,
  token: string,
): Effect.Effect<never, AgentEnded> => {
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith("SONDE_"))
  return launchAgent(
    agentLauncher(config, ["agent"], {
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
    }),
  )
}
