// Which spans tell of one call: what the client's process, the network and the server's process and program saw of it. Pure.

import type { LinkReason, Trace, TraceSpan } from "../../api/traceContract.ts"

/** Links between two sights of one call; all others lead from one call to another. */
const sameCall: ReadonlySet<LinkReason> = new Set(["tcp_seq", "request_id", "connection"])

/** The program's own span of answering the call that its process was seen to answer. */
const isAnswerWithin = (parent: TraceSpan, child: TraceSpan): boolean =>
  parent.kind !== "application" &&
  parent.role !== "client" &&
  child.kind === "application" &&
  child.role === "server"

/** One call carries one span id; a proxy that hands it on begins another call with the same. */
const isOneSpanId = (reason: LinkReason, parent: TraceSpan, child: TraceSpan): boolean =>
  reason === "span_id" && !(parent.role === "server" && child.role === "client")

export interface Hops {
  /** Number of its call for each span. */
  readonly ofSpan: ReadonlyArray<number>
  /** Spans of each call from the client to the server. */
  readonly spans: ReadonlyArray<ReadonlyArray<number>>
}

export const hopsOf = ({ spans }: Trace): Hops => {
  const ofSpan: Array<number> = []
  const members: Array<Array<number>> = []
  for (const [at, span] of spans.entries()) {
    const parent = spans[span.parent]
    const isSame =
      parent !== undefined &&
      span.link !== null &&
      (sameCall.has(span.link.reason) ||
        isOneSpanId(span.link.reason, parent, span) ||
        isAnswerWithin(parent, span))
    const hop = isSame ? ofSpan[span.parent]! : members.length
    ofSpan.push(hop)
    if (isSame) members[hop]!.push(at)
    else members.push([at])
  }
  return { ofSpan, spans: members }
}

/** Spans of the network that stand for nothing else: all but those of a call that only packets were seen of keep one. */
export const foldableSpans = ({ spans }: Trace, hops: Hops): ReadonlySet<number> => {
  const foldable = new Set<number>()
  for (const members of hops.spans) {
    const network = members.filter((at) => spans[at]!.kind === "network")
    const isAlone = network.length === members.length
    for (const at of isAlone ? network.slice(1) : network) foldable.add(at)
  }
  return foldable
}
