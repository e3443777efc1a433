// What the trace waited for at each moment: seen from the end of a span backwards, it waited for the child that ended last, before that
// for the one that ended last before this child began, and for itself where no child was going on.

import type { CriticalPart } from "../Trace.ts"
import type { Timed } from "./order.ts"

interface Spans extends Timed {
  readonly children: ReadonlyArray<number>
  /** The same call as its parent's, seen further on its way: the parent's end is the end of waiting for it. */
  readonly isSameCall: boolean
}

interface Visit {
  readonly span: number
  /** Children by end, the latest last; taken from the back. */
  readonly children: Array<number>
  /** What is looked at of the span. */
  readonly fromUs: number
  readonly toUs: number
  /** Everything after it is told. */
  atUs: number
}

/** Parts by time, without gaps, from the root's start to its end. Parts of no length are left out. */
export const criticalPath = (spans: ReadonlyArray<Spans>, root: number): ReadonlyArray<CriticalPart> => {
  const parts: Array<CriticalPart> = []
  const own = (span: number, startUs: number, endUs: number): void => {
    if (endUs > startUs) parts.push({ span, startUs, endUs })
  }
  const visit = (span: number, fromUs: number, toUs: number): Visit => ({
    span,
    children: spans[span]!.children.toSorted((a, b) => spans[a]!.endUs - spans[b]!.endUs || a - b),
    fromUs,
    toUs,
    atUs: toUs,
  })
  const stack: Array<Visit> = [visit(root, spans[root]!.startUs, spans[root]!.endUs)]
  while (stack.length > 0) {
    const top = stack.at(-1)!
    const child = top.children.pop()
    if (child === undefined) {
      own(top.span, top.fromUs, top.atUs)
      stack.pop()
      continue
    }
    const startUs = Math.max(spans[child]!.startUs, top.fromUs)
    const endUs = Math.min(spans[child]!.endUs, top.atUs)
    // Nobody waited for what goes on after its parent has ended. But a server often returns from sending only when the client has
    // its answer already.
    const isWaitedFor = spans[child]!.endUs <= top.atUs || (spans[child]!.isSameCall && top.atUs === top.toUs)
    if (!isWaitedFor || endUs <= startUs) continue
    own(top.span, endUs, top.atUs)
    top.atUs = startUs
    stack.push(visit(child, startUs, endUs))
  }
  return parts.toReversed()
}
