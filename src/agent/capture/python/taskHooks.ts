// Where the steps of asyncio's Tasks begin and end, and where Tasks are made, in the interpreter's module _asyncio: at its calls of the
// interpreter, which are found by the names that it imports, so that it may be stripped and of any version since 3.7.

import { readAt } from "../probes/elf.ts"
import { type Call, importSites } from "../probes/imports.ts"
import type { Library, Probe } from "../probes/LibraryProbes.ts"
import { resultAt } from "../probes/resultAt.ts"
import { behindCall, throwCalls } from "./throwCalls.ts"

/** The interpreter only imports modules of this name as _asyncio. */
const moduleName = /^_asyncio\..*so$/
/** Runs a coroutine until it waits or is over: from 3.10, and before. Imported for nothing else. */
const stepFunctions = ["PyIter_Send", "_PyGen_Send"]
/** What a Task that is made is given. */
const madeFunction = "PyContext_CopyCurrent"
/** What is asked when nothing came back from a coroutine. */
const questionFunction = "_PyGen_FetchStopIterationValue"
const names: ReadonlySet<string> = new Set([...stepFunctions, madeFunction, questionFunction])

const end = "sonde_task_step_end"

/** Where the result is known: at a branch, or else behind the call. */
const stepEnd = (fd: number, { next }: Call): Probe => {
  const result = resultAt(readAt(fd, next, behindCall))
  if (result?.added === 0) return [end, next + result.at, false]
  return result?.added === 1 ? [`${end}_1`, next + result.at, false] : [end, next, false]
}

/** What a file of this name has of asyncio; undefined: nothing. */
export const findTaskHooks = (fd: number, name: string): Library | undefined => {
  if (!moduleName.test(name)) return undefined
  const sites = importSites(fd, names)
  const probes: Array<Probe> = []
  // Ends first: of a step that goes on while this is done only the end is seen, which does no harm.
  for (const one of stepFunctions) {
    const { calls = [], jumps = [] } = sites.get(one) ?? {}
    for (const call of calls) probes.push(stepEnd(fd, call), ["sonde_task_step", call.at, false])
    if (calls.length > 0) continue
    for (const at of jumps) probes.push([end, at, true], ["sonde_task_step", at, false])
  }
  if (probes.length === 0) return undefined
  const known = new Set(probes.map(([, at]) => at))
  for (const call of throwCalls(fd, sites.get(questionFunction)?.calls ?? []))
    if (!known.has(call.at)) probes.push(stepEnd(fd, call), ["sonde_task_throw", call.at, false])
  const { calls = [], jumps = [] } = sites.get(madeFunction) ?? {}
  const made = calls.length > 0 ? calls.map(({ at }) => at) : jumps
  for (const at of made) probes.push(["sonde_task_made", at, false])
  return { name: "asyncio", probes }
}
