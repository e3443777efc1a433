// Parses a file without holding up the server: small ones at once, others in a worker of their own, bounded in memory and time.

import { Worker } from "node:worker_threads"
import * as Effect from "effect/Effect"
import { fault, FileFault } from "./FileRow.ts"
import type { FileResources } from "./fileResources.ts"
import { parseFile } from "./parseFile.ts"
import type { ParseAnswer, ParseTask } from "./parseWorker.ts"

/** Some 10 ms of parsing. */
const smallBytes = 16 * 1024
const workerMiB = 1_024
const mostTime = "2 minutes"

const inWorker = (task: ParseTask): Effect.Effect<FileResources, FileFault> =>
  Effect.callback<FileResources, FileFault>((resume) => {
    const worker = new Worker(new URL("./parseWorker.ts", import.meta.url), {
      workerData: task,
      resourceLimits: { maxOldGenerationSizeMb: workerMiB },
    })
    worker.once("message", (answer: ParseAnswer) =>
      resume(
        "fault" in answer
          ? Effect.fail(new FileFault({ message: answer.fault }))
          : Effect.succeed(answer.resources),
      ),
    )
    worker.once("error", (cause: Error) =>
      resume(Effect.fail(fault(0, `cannot be parsed: ${cause.message}`))),
    )
    worker.once("exit", () => resume(Effect.fail(fault(0, "cannot be parsed: its worker ended"))))
    return Effect.promise(() => worker.terminate()).pipe(Effect.asVoid)
  }).pipe(
    Effect.timeoutOption(mostTime),
    Effect.flatMap((outcome) =>
      outcome._tag === "Some"
        ? Effect.succeed(outcome.value)
        : Effect.fail(fault(0, `takes longer than ${mostTime} to parse`)),
    ),
  )

export const parseApart = (path: string, bytes: Uint8Array): Effect.Effect<FileResources, FileFault> =>
  Effect.suspend(() => {
    if (bytes.length > smallBytes) return inWorker({ path, bytes })
    const parsed = parseFile(path, bytes)
    return parsed instanceof FileFault ? Effect.fail(parsed) : Effect.succeed(parsed)
  })
