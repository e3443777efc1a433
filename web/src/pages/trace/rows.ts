// The lines of the waterfall: which spans are shown, how deep, and what they hide. Pure.

import type { Trace } from "../../api/traceContract.ts"
import type { Hops } from "./hops.ts"

export interface Folding {
  /** Spans of the network are shown of every call, or only of these. */
  readonly isNetworkShown: boolean
  readonly openHops: ReadonlySet<number>
  /** Spans whose children are put away. */
  readonly closed: ReadonlySet<number>
}

export const nothingFolded: Folding = { isNetworkShown: false, openHops: new Set(), closed: new Set() }

export interface Row {
  /** Position in the trace's spans. */
  readonly span: number
  /** 0 for those that hang below nothing shown. */
  readonly depth: number
  /** The row it hangs below, as a span; -1: none. */
  readonly parent: number
  /** Spans that are shown directly below it, or would be. */
  readonly children: ReadonlyArray<number>
  readonly isClosed: boolean
  /** How many spans its closed state hides. */
  readonly hidden: number
  /** Spans of the network of its call that are folded; said on the call's first row only. */
  readonly foldedNetwork: number
  /** Whether the spans of the network of its call were unfolded by themselves; said on the first row only. */
  readonly isHopOpen: boolean
}

interface Draft {
  readonly row: { -readonly [Key in keyof Row]: Row[Key] } & { readonly children: Array<number> }
  /** The closed row that hides it. */
  readonly hiddenBy: Draft | undefined
}

/** In the order of the trace's spans, which is depth first. */
export const rowsOf = (
  trace: Trace,
  hops: Hops,
  foldable: ReadonlySet<number>,
  folding: Folding,
): ReadonlyArray<Row> => {
  const drafts: Array<Draft | undefined> = []
  /** The nearest span above that is not folded, for every span. */
  const above: Array<number> = []
  const firstOfHop = new Map<number, Draft>()
  const foldedOfHop = new Map<number, number>()
  for (const [at, span] of trace.spans.entries()) {
    const parent =
      span.parent < 0 ? -1 : drafts[span.parent] === undefined ? above[span.parent]! : span.parent
    above.push(parent)
    const hop = hops.ofSpan[at]!
    const isFolded = foldable.has(at) && !folding.isNetworkShown && !folding.openHops.has(hop)
    if (isFolded) {
      foldedOfHop.set(hop, (foldedOfHop.get(hop) ?? 0) + 1)
      drafts.push(undefined)
      continue
    }
    const up = drafts[parent]
    const draft: Draft = {
      row: {
        span: at,
        depth: up === undefined ? 0 : up.row.depth + 1,
        parent,
        children: [],
        isClosed: folding.closed.has(at),
        hidden: 0,
        foldedNetwork: 0,
        isHopOpen: false,
      },
      hiddenBy: up?.hiddenBy ?? (up?.row.isClosed === true ? up : undefined),
    }
    if (draft.hiddenBy !== undefined) draft.hiddenBy.row.hidden++
    up?.row.children.push(at)
    drafts.push(draft)
    if (!firstOfHop.has(hop)) firstOfHop.set(hop, draft)
  }
  for (const [hop, draft] of firstOfHop) {
    draft.row.foldedNetwork = foldedOfHop.get(hop) ?? 0
    draft.row.isHopOpen = !folding.isNetworkShown && folding.openHops.has(hop)
  }
  return drafts.flatMap((draft) => (draft === undefined || draft.hiddenBy !== undefined ? [] : [draft.row]))
}

/** The span whose row stands for each span: itself, or the nearest one above that is shown; -1: none. */
export const shownAs = (trace: Trace, rows: ReadonlyArray<Row>): ReadonlyArray<number> => {
  const shown = new Set(rows.map(({ span }) => span))
  const as: Array<number> = []
  for (const [at, span] of trace.spans.entries()) as.push(shown.has(at) ? at : (as[span.parent] ?? -1))
  return as
}

/** Opens all that hides a span: its ancestors, and its call where it is of the network. */
export const revealed = (
  trace: Trace,
  hops: Hops,
  foldable: ReadonlySet<number>,
  folding: Folding,
  span: number,
): Folding => {
  const closed = new Set(folding.closed)
  for (let at = trace.spans[span]?.parent ?? -1; at >= 0; at = trace.spans[at]!.parent) closed.delete(at)
  const isFolded = foldable.has(span) && !folding.isNetworkShown
  const openHops = isFolded ? new Set([...folding.openHops, hops.ofSpan[span]!]) : folding.openHops
  return { ...folding, closed, openHops }
}
