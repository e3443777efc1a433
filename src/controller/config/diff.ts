// What differs between two versions of settings.

import { type AgentValues, isSame } from "../../runtime/agentValues.ts"

export interface Difference {
  readonly path: string
  /** Undefined: not set. */
  readonly before: unknown
  readonly after: unknown
}

/** By path, in order. */
export const diffValues = (before: AgentValues, after: AgentValues): ReadonlyArray<Difference> =>
  [...new Set([...Object.keys(before), ...Object.keys(after)])]
    .toSorted()
    .map((path) => ({
      path,
      before: Object.hasOwn(before, path) ? before[path] : undefined,
      after: Object.hasOwn(after, path) ? after[path] : undefined,
    }))
    .filter((one) => !isSame(one.before ?? null, one.after ?? null))
