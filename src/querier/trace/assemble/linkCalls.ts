// Within a call each place is the child of the one before it on the way.

import type { SpanRow } from "../SpanRow.ts"
import type { Link } from "../Trace.ts"
import type { Call } from "./calls.ts"
import type { Forest } from "./Forest.ts"
import type { Sameness } from "./sameCall.ts"

const where = (parent: SpanRow, child: SpanRow): string =>
  parent.point === "c-p" && child.point === "s-p" ? "on both ends" : `at ${parent.point} and ${child.point}`

const linkOf = (sameness: Sameness, parent: SpanRow, child: SpanRow): Link => {
  const places = where(parent, child)
  switch (sameness) {
    case "ends":
      return { reason: "tcp_seq", confidence: "certain", text: `same TCP sequence ${places}` }
    case "translated":
      return {
        reason: "tcp_seq",
        confidence: "strong",
        text: `same TCP sequence of request and response ${places}, addresses translated between`,
      }
    case "id":
      return {
        reason: "request_id",
        confidence: "strong",
        text: `same id ${child.requestId} on the same connection ${places}`,
      }
    case "connection":
      return {
        reason: "connection",
        confidence: "likely",
        text: `same request on the same connection at the same time ${places}`,
      }
  }
}

export const linkCalls = (rows: ReadonlyArray<SpanRow>, calls: ReadonlyArray<Call>, forest: Forest): void => {
  for (const call of calls) {
    for (let at = 1; at < call.rows.length; at++) {
      const [parent, child] = [call.rows[at - 1]!, call.rows[at]!]
      // Two neighbours may know each other only through the rest of the call.
      const sameness = call.sameness[at] ?? "connection"
      forest.link(child, parent, linkOf(sameness, rows[parent]!, rows[child]!))
    }
  }
}
