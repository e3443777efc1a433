// An engine for tests: fresh, in a directory of its own that goes away with it.

import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { ClickHouse } from "./ClickHouse.ts"
import type { EngineError } from "./EngineError.ts"

export const temporaryDirectory = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "sonde-engine-"))),
  (directory) => Effect.sync(() => rmSync(directory, { recursive: true, force: true })),
)

export const testEngine: Layer.Layer<ClickHouse, EngineError> = Layer.unwrap(
  Effect.map(temporaryDirectory, (directory) => ClickHouse.embedded({ directory: join(directory, "db") })),
)
