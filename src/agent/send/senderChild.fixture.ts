// A process for tests to kill: an agent whose server is away pushes batches without end and prints how many are spooled.
// Arguments: spool directory.

import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { ColumnEncoder } from "../../wire/ColumnEncoder.ts"
import { sampleBatch } from "../../wire/sampleBatch.ts"
import { Sender } from "./Sender.ts"

const sender = Sender.layer({
  server: { host: "127.0.0.1", port: 1 },
  token: "",
  agentId: "child",
  host: "box",
  version: "test",
  memoryBytes: 1024 * 1024,
  spool: { directory: process.argv[2], maxBytes: 1024 * 1024 * 1024 },
  spoolAfterMs: 0,
})

await Effect.runPromise(
  Effect.gen(function* () {
    const { push, stats } = Context.get(yield* Layer.build(sender), Sender)
    const encoder = new ColumnEncoder()
    while (true) {
      push(encoder.encode(sampleBatch(50))[0])
      yield* Effect.sleep(5)
      process.stdout.write(`spooled ${stats()["send_spooled_batches_total"]}\n`)
    }
  }).pipe(Effect.scoped),
)
