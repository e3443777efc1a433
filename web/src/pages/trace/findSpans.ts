// Which spans a search within a trace is about. Pure.

import type { Trace } from "../../api/traceContract.ts"

export interface Sought {
  /** Anywhere in what a span is called, in any case. */
  readonly text: string
  readonly service: string
}

/** Undefined when nothing is sought: then all are alike. */
export const findSpans = (trace: Trace, { text, service }: Sought): ReadonlySet<number> | undefined => {
  const words = text.trim().toLowerCase()
  if (words === "" && service === "") return undefined
  const found = new Set<number>()
  for (const [at, span] of trace.spans.entries()) {
    const isOfService =
      service === "" || [span.service, span.server.service, span.server.ip].includes(service)
    const said = [
      span.service,
      span.name,
      span.resource,
      span.domain,
      span.endpoint,
      span.protocol,
      span.host,
    ]
    if (isOfService && (words === "" || said.some((part) => part.toLowerCase().includes(words))))
      found.add(at)
  }
  return found
}

/** The next one after a span, from the start again after the last; undefined: none. */
export const nextFound = (found: ReadonlySet<number>, after: number): number | undefined => {
  const all = [...found].sort((a, b) => a - b)
  return all.find((at) => at > after) ?? all[0]
}
