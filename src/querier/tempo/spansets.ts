// Sets of spans by how they stand to each other: which spans of an assembled trace an expression finds. A call is seen at several places
// on its way; network cards on it are passed over, so that the server's span is the child of the client's.

import type { Trace } from "../trace/Trace.ts"
import { matchesSpan } from "./matchSpan.ts"
import type { SpanExpression, SpansetExpression } from "./traceQl.ts"

type Found = ReadonlySet<number>

const none: Found = new Set()

/** Parents in `spans`, of each the nearest that is no network card; -1: none. */
const parentsOf = ({ spans }: Trace): ReadonlyArray<number> => {
  const parents: Array<number> = []
  // A parent stands before its children.
  for (const { parent } of spans)
    parents.push(parent === -1 ? -1 : spans[parent]!.kind === "network" ? parents[parent]! : parent)
  return parents
}

const hasAbove = (parents: ReadonlyArray<number>, above: Found, span: number): boolean => {
  for (let at = parents[span]!; at !== -1; at = parents[at]!) if (above.has(at)) return true
  return false
}

const found = (expression: SpansetExpression, trace: Trace, parents: ReadonlyArray<number>): Found => {
  if (expression.is === "spans")
    return new Set(trace.spans.flatMap((span, at) => (matchesSpan(expression.spans, span) ? [at] : [])))
  const left = found(expression.left, trace, parents)
  const right = found(expression.right, trace, parents)
  const those = (isSuch: (span: number) => boolean): Found => new Set([...right].filter(isSuch))
  switch (expression.is) {
    case "||":
      return new Set([...left, ...right])
    case "&&":
      return left.size > 0 && right.size > 0 ? new Set([...left, ...right]) : none
    case ">":
      return those((span) => left.has(parents[span]!))
    case ">>":
      return those((span) => hasAbove(parents, left, span))
    case "<":
      return those((span) => [...left].some((one) => parents[one] === span))
    case "<<":
      return those((span) => [...left].some((one) => hasAbove(parents, new Set([span]), one)))
    case "~":
      return those((span) =>
        [...left].some((one) => one !== span && parents[one] !== -1 && parents[one] === parents[span]),
      )
  }
}

/** Positions in `spans`; empty: the trace has none such. */
export const spansFound = (expression: SpansetExpression, trace: Trace): ReadonlyArray<number> =>
  [...found(expression, trace, parentsOf(trace))].toSorted((a, b) => a - b)

/** Spans of which a trace must have one to be found. */
export const neededSpans = (expression: SpansetExpression): SpanExpression => {
  if (expression.is === "spans") return expression.spans
  const right = neededSpans(expression.right)
  return expression.is === "||" ? { is: "or", left: neededSpans(expression.left), right } : right
}
