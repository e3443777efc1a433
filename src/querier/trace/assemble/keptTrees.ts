// Which of the found trees are the trace: that of the span that was asked for, and those that carry its trace ids. The search finds
// more (an X-Request-ID that came again, a neighbour's rows); without a link these are not part of it.

import type { SpanRow } from "../SpanRow.ts"
import type { Forest } from "./Forest.ts"

export interface KeptTrees {
  /** By root. */
  readonly roots: ReadonlySet<number>
  /** Rows outside of them. */
  readonly left: number
}

/** `asked`: a row; or the trace id that was asked for. */
export const keptTrees = (
  rows: ReadonlyArray<SpanRow>,
  forest: Forest,
  asked: { readonly row: number } | { readonly traceId: string },
): KeptTrees => {
  const rootOf = rows.map((_, at) => forest.rootOf(at))
  const traceIds = new Set<string>()
  if ("traceId" in asked) traceIds.add(asked.traceId)
  else
    rows.forEach(({ traceId }, at) => {
      if (traceId !== "" && rootOf[at] === rootOf[asked.row]) traceIds.add(traceId)
    })
  const roots = new Set<number>()
  if ("row" in asked) roots.add(rootOf[asked.row]!)
  rows.forEach(({ traceId }, at) => {
    if (traceIds.has(traceId)) roots.add(rootOf[at]!)
  })
  return { roots, left: rootOf.filter((root) => !roots.has(root)).length }
}
