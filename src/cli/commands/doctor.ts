// `sonde doctor`: each feature on this host: on or off, the hook it uses, what is missing, what to do.

import * as Effect from "effect/Effect"
import * as Command from "effect/cli/Command"
import { styleText } from "node:util"
import { diagnose } from "../../agent/capture/doctor.ts"
import type { Feature } from "../../model/AgentStatus.ts"
import { engineFiles } from "../../runtime/clickhouse/engineFiles.ts"
import { configFlags, configOf, fail, json } from "../options.ts"
import { print, printJson, table } from "../output.ts"

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

export const doctor = Command.make(
  "doctor",
  { json, ...configFlags },
  Effect.fnUntraced(function* ({ json, ...flags }) {
    const { agent } = yield* configOf(flags)
    const diagnosis = yield* Effect.promise(() => diagnose(agent.kernelTypes))
    const features = [...diagnosis.features, storage()]
    if (json) {
      for (const feature of features)
        printJson({ ...feature, tier: diagnosis.tier, kernel: diagnosis.kernel })
    } else {
      print(`Kernel ${diagnosis.kernel}, tier ${diagnosis.tier}: ${tiers[diagnosis.tier]}.\n`)
      print(
        table(
          ["FEATURE", "STATE", "HOOK"],
          features.map((feature) => [
            feature.name,
            feature.on ? styleText("green", "on") : styleText("yellow", "off"),
            feature.hook,
          ]),
        ),
      )
      const limits = Map.groupBy(
        features.filter((feature) => feature.missing !== ""),
        ({ missing, next }) => `${missing}.${next === "" ? "" : `\n  ${styleText("cyan", "->")} ${next}`}`,
      )
      if (limits.size > 0) print("")
      for (const [text, of] of limits)
        print(`${styleText("bold", of.map(({ name }) => name).join(", "))}: ${text}`)
    }
    if (diagnosis.tier === 3) return yield* fail("nothing can be captured on this host with these privileges")
  }),
).pipe(Command.withDescription("What this host allows: each feature on or off, what is missing, what to do"))
