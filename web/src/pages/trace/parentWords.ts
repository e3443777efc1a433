// Why a span hangs where it hangs, or why it hangs nowhere and what would change that. Pure.

import type { Confidence, LinkReason, Trace } from "../../api/traceContract.ts"

export const reasonText: Readonly<Record<LinkReason, string>> = {
  parent_span_id: "Parent span id",
  span_id: "Same span id",
  tcp_seq: "Same TCP sequence",
  request_id: "Same id on the wire",
  connection: "Same connection and time",
  causal_id: "Followed through the process",
  x_request_id: "Same X-Request-ID",
  trace_id: "Only work with this trace id",
}

export const confidenceText: Readonly<Record<Confidence, string>> = {
  certain: "It could not be otherwise: ids that are unique, or the same bytes.",
  strong: "It follows from how the process ran.",
  likely: "The best of several signs. It may be wrong.",
}

export interface Orphan {
  readonly why: string
  readonly next: string
}

const nameOf = (name: string, ip: string): string => (name !== "" ? name : ip !== "" ? ip : "an unknown side")

/** A root that others of the trace came after is where it starts; any other is a piece whose parent is missing. */
export const orphanOf = (trace: Trace, at: number): Orphan => {
  const span = trace.spans[at]!
  const isFirst = trace.roots[0] === at
  const client = nameOf(span.client.service, span.client.ip)
  const server = nameOf(span.server.service, span.server.ip)
  if (span.kind === "application" && span.parentSpanId !== "") {
    return {
      why: `The program names span ${span.parentSpanId} as its parent. No such span is stored.`,
      next: "Let the service that made it send its spans here too, or load the page again: it may arrive later.",
    }
  }
  if (span.role === "client" || span.role === "internal") {
    return isFirst
      ? {
          why: `Nothing that was seen asked ${span.service || client} to do this: here the trace starts.`,
          next: "",
        }
      : {
          why: `${span.service || client} shares an id with this trace, but what it was working for when it asked is not known.`,
          next: "A traceparent or X-Request-ID header that the program hands on would tell.",
        }
  }
  if (span.kind === "network") {
    return {
      why: "Only packets were seen of this call, not the process that made it.",
      next: `Let an agent with eBPF run on the host of ${client} (${span.client.ip}); sonde doctor there says what is missing.`,
    }
  }
  return {
    why: `${server} was asked by ${client}, where the request was not seen.`,
    next:
      span.client.ip === "" || span.client.ip === span.server.ip
        ? "The client may be left alone by configuration, or its record has not arrived yet: load the page again."
        : `No agent runs at ${span.client.ip}, or its record has not arrived yet. Start one there with sonde agent.`,
  }
}
