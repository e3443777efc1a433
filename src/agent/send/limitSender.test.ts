import { assert, describe, it } from "@effect/vitest"
import { mkdtempSync, readdirSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import { ConfigSchema } from "../../runtime/configSchema.ts"
import { applyConfig, type ConfigApplier } from "../control/applyConfig.ts"
import { limiting, sendLimits } from "./limitSender.ts"
import { Sender } from "./Sender.ts"

const local = Schema.decodeUnknownSync(ConfigSchema)({ agent: { memoryMiB: 4, spoolMiB: 0 } }).agent
const rest: ConfigApplier = { hot: () => Effect.void, restart: () => Effect.void }
const mebibyte = 1_048_576
const batch = () => ({ kind: "l7" as const, rows: 1, body: new Uint8Array(mebibyte - 1_000) })

describe("limiting", () => {
  it.live("has the sender keep as much as the settings say, in memory and on disk", () =>
    Effect.gen(function* () {
      const directory = mkdtempSync(join(tmpdir(), "sonde-limit-"))
      yield* Effect.addFinalizer(() => Effect.sync(() => rmSync(directory, { recursive: true })))
      const { memoryBytes, spoolBytes } = sendLimits(local)
      const context = yield* Layer.build(
        Sender.layer({
          token: "",
          agentId: "a1",
          host: "box",
          version: "test",
          memoryBytes,
          spool: { directory, maxBytes: spoolBytes },
          spoolAfterMs: 0,
          flushMs: 0,
        }),
      )
      const sender = Context.get(context, Sender)
      const dropped = () => sender.stats()["send_dropped_memory_full_rows_total"]
      const files = () =>
        readdirSync(directory, { recursive: true }).filter((name) => String(name).endsWith(".batch"))
      for (let count = 0; count < 6; count++) sender.push(batch())
      assert.strictEqual(dropped(), 2)
      const applier = limiting(sender, rest)
      const small = { ...local, memoryMiB: 1 }
      assert.strictEqual(yield* applyConfig(applier, local, small), "hot")
      sender.push(batch())
      assert.strictEqual(dropped(), 6)
      assert.deepStrictEqual(files(), [])
      const spooling = { ...small, spoolMiB: 8 }
      assert.strictEqual(yield* applyConfig(applier, small, spooling), "hot")
      sender.push(batch())
      while (files().length === 0) yield* Effect.sleep(20)
    }),
  )
})
