// `sonde demo`: starts the demo application and drives it until interrupted.

import * as Effect from "effect/Effect"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import { driveDemo, startDemo } from "../demo/DemoApp.ts"
import { fail, json, parentGone, withParent } from "../options.ts"
import { print, printJson } from "../output.ts"

export const demo = Command.make(
  "demo",
  {
    rate: Flag.Int("rate").pipe(Flag.withDescription("Requests a second"), Flag.withDefault(20)),
    seconds: Flag.Int("seconds").pipe(
      Flag.withDescription("Stop after this long; 0: at Ctrl-C"),
      Flag.withDefault(0),
    ),
    json,
    withParent,
  },
  Effect.fnUntraced(function* ({ json, rate, seconds, withParent }) {
    // The name its requests appear under.
    process.title = "demo-visitor"
    if (rate < 1 || rate > 1_000) return yield* fail(`--rate ${rate}: expected 1 to 1000 requests a second`)
    const app = yield* startDemo.pipe(Effect.mapError((error) => fail(error.message)))
    const counts = new Map<number, number>()
    if (json) printJson({ event: "started", ...app })
    else {
      print(`Demo application on http://127.0.0.1:${app.port}, ${rate} requests a second:`)
      for (const program of app.programs) print(`  ${program}`)
      for (const program of app.absent) print(`  (without ${program}: not installed)`)
      print(seconds > 0 ? `Stops after ${seconds} s.` : "Ctrl-C stops it.")
    }
    const drive = driveDemo(app, rate, (status) => counts.set(status, (counts.get(status) ?? 0) + 1))
    const report = Effect.sync(() => {
      const byStatus = Object.fromEntries([...counts].sort(([a], [b]) => a - b))
      if (json) printJson({ event: "stopped", requests: byStatus })
      else print(`Answers by status: ${JSON.stringify(byStatus)}`)
    })
    const timed = seconds > 0 ? Effect.timeoutOption(drive, `${seconds} seconds`) : drive
    yield* (withParent ? Effect.raceFirst(timed, parentGone) : timed).pipe(Effect.ensuring(report))
  }, Effect.scoped),
).pipe(
  Command.withDescription(
    "Run a small real application (nginx, Node, Python, Redis) and make requests to it",
  ),
)
