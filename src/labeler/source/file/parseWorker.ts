// Entry of the worker in which a large file is parsed: gets path and bytes, answers with resources or the fault's message.

import { parentPort, workerData } from "node:worker_threads"
import { FileFault } from "./FileRow.ts"
import type { FileResources } from "./fileResources.ts"
import { parseFile } from "./parseFile.ts"

export interface ParseTask {
  readonly path: string
  readonly bytes: Uint8Array
}

export type ParseAnswer = { readonly resources: FileResources } | { readonly fault: string }

const { bytes, path } = workerData as ParseTask
const parsed = parseFile(path, bytes)
const answer: ParseAnswer = parsed instanceof FileFault ? { fault: parsed.message } : { resources: parsed }
parentPort!.postMessage(answer)
