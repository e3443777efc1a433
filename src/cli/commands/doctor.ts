// `sonde doctor`: each feature on this host: on or off, the hook it uses, what is missing, what to do. Where agents run on it that a server
// knows, also what they have given up to stay within their budget, and what each of their hooks costs.

import * as Effect from "effect/Effect"
import * as Command from "effect/cli/Command"
import { hostname } from "node:os"
import { diagnose } from "../../agent/capture/doctor.ts"
import type { Feature } from "../../model/AgentStatus.ts"
import type { AgentView, StatusView } from "../../querier/ConsoleSources.ts"
import { engineFiles } from "../../runtime/clickhouse/engineFiles.ts"
import type { SondeConfig } from "../../runtime/configSchema.ts"
import { getJson } from "../client.ts"
import { agentText } from "../doctor/agentText.ts"
import { featureText } from "../doctor/featureText.ts"
import { configFlags, configOf, fail, json } from "../options.ts"
import { print, printJson } from "../output.ts"

const storage = (): Feature => {
  const files = engineFiles()
  return "message" in files
    ? {
        name: "embedded storage",
        on: false,
        hook: "",
        missing: files.message,
        next: "set storage.mode=remote and storage.url",
      }
    : { name: "embedded storage", on: true, hook: "ClickHouse as a child process", missing: "", next: "" }
}

const tiers = {
  1: "system calls of every process are captured",
  2: "packets are captured: requests are seen, but not which process makes them",
  3: "nothing can be captured here, only processes and listening ports are listed",
}

/** Of this host; none when no server answers. */
const runningAgents = (config: SondeConfig): Effect.Effect<ReadonlyArray<AgentView>> =>
  Effect.gen(function* () {
    const { agents } = (yield* getJson(config, "/api/v1/status")) as StatusView
    return agents.filter(({ host }) => host === hostname())
  }).pipe(Effect.catch(() => Effect.succeed([])))

export const doctor = Command.make(
  "doctor",
  { json, ...configFlags },
  Effect.fnUntraced(function* ({ json, ...flags }) {
    const config = yield* configOf(flags)
    const diagnosis = yield* Effect.promise(() => diagnose(config.agent.kernelTypes))
    const features = [...diagnosis.features, storage()]
    const agents = yield* runningAgents(config)
    if (json) {
      for (const feature of features)
        printJson({ ...feature, tier: diagnosis.tier, kernel: diagnosis.kernel })
      for (const { budget, features, host, id, tier } of agents)
        printJson({ agent: id, host, tier, features, budget })
    } else {
      print(`Kernel ${diagnosis.kernel}, tier ${diagnosis.tier}: ${tiers[diagnosis.tier]}.\n`)
      print(featureText(features))
      for (const agent of agents) print(`\n${agentText(agent)}`)
    }
    if (diagnosis.tier === 3) return yield* fail("nothing can be captured on this host with these privileges")
  }),
).pipe(
  Command.withDescription("What this host allows and its agent has: on, off or given up, why, what to do"),
)
