// Child of chaos.ts: the agent's real sender with its spool, fed with small batches of numbered rows. Killed and started again;
// goes on behind the last number it noted.
// Usage: chaosAgent.ts PORT DIRECTORY [drain]; `drain` makes no more batches and ends when all are
// delivered.

import { appendFileSync, existsSync, readFileSync } from "node:fs"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import { Sender } from "../src/agent/send/Sender.ts"
import { makeBatch } from "../src/model/ColumnBatch.ts"
import { ColumnEncoder } from "../src/wire/ColumnEncoder.ts"
import { address, isMetrics, requests } from "./chaosBatches.ts"

const [port, directory] = [Number(process.argv[2]), process.argv[3]!]
const notes = join(directory, "pushed")
const everyMs = 15

const last = existsSync(notes) ? Number(readFileSync(notes, "utf8").trim().split("\n").at(-1)) : 0
const encoder = new ColumnEncoder()
const metrics = (number: number) => {
  const batch = makeBatch("application", 1)
  batch.rows = 1
  const second = Math.floor(Date.now() / 1_000)
  batch.columns.time[0] = second - (second % 60)
  batch.columns.interval[0] = 60
  batch.columns.ip.set(address, 0)
  batch.columns.endpoint[0] = `/batch/${number}`
  batch.columns.request[0] = 1
  return batch
}

const program = Effect.gen(function* () {
  const sender = yield* Sender
  if (process.argv[4] === "drain") return yield* sender.settled
  for (let number = last + 1; ; number++) {
    appendFileSync(notes, `${number}\n`)
    const batch = isMetrics(number) ? metrics(number) : requests(number)
    for (const encoded of encoder.encode(batch)) sender.push(encoded)
    yield* Effect.sleep(everyMs)
  }
})

await Effect.runPromise(
  program.pipe(
    Effect.provide(
      Sender.layer({
        server: { host: "127.0.0.1", port },
        token: "",
        agentId: "chaos",
        host: "chaos",
        version: "0",
        memoryBytes: 8 * 1_048_576,
        spool: { directory: join(directory, "spool"), maxBytes: 256 * 1_048_576 },
        spoolAfterMs: 100,
        reconnectMostMs: 500,
      }),
    ),
  ),
)
