// Where the time of a trace went: the critical path divided among what services did, the ways between them, and what was not
// seen. Pure.

import type { Trace, TraceSpan } from "../../api/traceContract.ts"
import type { Hops } from "./hops.ts"

/**
 * work: a service did something itself. network: between the network cards of client and server. queue: between a process and
 * the network card of its host. way: both, where no card was seen. unseen: a server was waited for that nobody looks into.
 */
export type ShareKind = "work" | "network" | "queue" | "way" | "unseen"

export interface TimeShare {
  readonly kind: ShareKind
  /** Who worked, whose host it waited in, or who was waited for; empty for ways. */
  readonly service: string
  readonly us: number
  /** The span with the most of it. */
  readonly span: number
}

/** What goes on while only this span of a call does, and nothing that it caused. */
const kindOf = (span: TraceSpan, next: TraceSpan | undefined): ShareKind => {
  if (span.role === "server" || span.role === "internal") return "work"
  if (next === undefined) return "unseen"
  // What a program does around its own call: waiting for a connection, encoding.
  if (span.kind === "application") return "work"
  const isCard = span.kind === "network"
  const isNextCard = next.kind === "network"
  if (isCard && isNextCard) return "network"
  return isCard || isNextCard ? "queue" : "way"
}

const serviceOf = (kind: ShareKind, span: TraceSpan): string => {
  if (kind === "work") return span.service
  if (kind === "unseen") return span.server.service === "" ? span.server.ip : span.server.service
  if (kind === "queue") return span.kind === "network" ? span.server.service : span.client.service
  return ""
}

const order: ReadonlyArray<ShareKind> = ["work", "unseen", "queue", "network", "way"]

/** Services by how much they did, then what was waited for. Parts sum up to the length of the critical path. */
export const whereTimeWent = (trace: Trace, hops: Hops): ReadonlyArray<TimeShare> => {
  const spent = new Map<number, number>()
  for (const { span, startUs, endUs } of trace.criticalPath) {
    spent.set(span, (spent.get(span) ?? 0) + Math.max(0, endUs - startUs))
  }
  const shares = new Map<string, { -readonly [Key in keyof TimeShare]: TimeShare[Key] } & { most: number }>()
  for (const [at, us] of spent) {
    const span = trace.spans[at]
    if (span === undefined || us === 0) continue
    const next = span.children.find((child) => hops.ofSpan[child] === hops.ofSpan[at])
    const kind = kindOf(span, next === undefined ? undefined : trace.spans[next])
    const service = serviceOf(kind, span)
    const key = `${kind} ${service}`
    const share = shares.get(key) ?? { kind, service, us: 0, span: at, most: 0 }
    share.us += us
    if (us > share.most) [share.span, share.most] = [at, us]
    shares.set(key, share)
  }
  return [...shares.values()]
    .map(({ most: _most, ...share }) => share)
    .sort((a, b) => order.indexOf(a.kind) - order.indexOf(b.kind) || b.us - a.us)
}

/** In words: "shop", "waiting in stock's host", "on the network". */
export const shareText = ({ kind, service }: TimeShare): string => {
  const whose = service === "" ? "an unknown service" : service
  switch (kind) {
    case "work":
      return whose
    case "queue":
      return `queues in the host of ${whose}`
    case "network":
      return "network"
    case "way":
      return "network and queues"
    case "unseen":
      return `${whose}, not seen inside`
  }
}
