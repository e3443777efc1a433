// Takes the spans of a request: finds out whose they are, and makes rows and batches of them. Owns the counters of what came.

import type { ColumnBatch } from "../../model/ColumnBatch.ts"
import { parseIp } from "../../tags/ipAddress.ts"
import type { ProgramSpans, ReadSpans } from "./ProgramSpan.ts"
import { describedOwner, type SenderProcess, type SpanOwner, SpanRows } from "./SpanRows.ts"

/** What a connection says of whoever sends over it. */
export interface Sender {
  /** As Node tells it. */
  readonly address: string
  /** A process of this host, looked up at the first call; undefined: not known. */
  readonly process: () => Promise<SenderProcess | undefined>
}

/** How a request ended that is not taken: counters and answers go by it. */
export type Refusal = "malformed" | "too_large" | "full" | "unsupported" | "unauthorized"

const unknownAddress = parseIp("0.0.0.0")!

/** Programs that hand on what others tell say so. */
const collectors = /collector|alloy|vector|fluent|telegraf|jaeger/i

/** A request of one program has one name in all its resources. */
const isOfSeveral = (programs: ReadonlyArray<ProgramSpans>): boolean =>
  ["service.name", "service.instance.id"].some(
    (name) => new Set(programs.map(({ resource }) => resource.get(name))).size > 1,
  )

const isOther = ({ resource }: ProgramSpans, process: SenderProcess): boolean => {
  const told = resource.get("process.pid")
  return told !== undefined && Number(told) !== process.pid && Number(told) !== process.ownPid
}

export class SpanIntake {
  readonly counters = {
    requests: 0,
    spans: 0,
    /** Without ids, or with ids of another form. */
    rejected: 0,
    /** Of which the process that sent them is known. */
    owned: 0,
    refused: { malformed: 0, too_large: 0, full: 0, unsupported: 0, unauthorized: 0 } satisfies Record<
      Refusal,
      number
    >,
  }
  readonly #rows: SpanRows
  readonly #isFull: () => boolean

  /** `isFull`: nothing can be taken now. `emit`: the batch is filled anew after the call. */
  constructor(emit: (batch: ColumnBatch<"span">) => void, isFull: () => boolean) {
    this.#rows = new SpanRows(emit)
    this.#isFull = isFull
  }

  get isFull(): boolean {
    return this.#isFull()
  }

  refuse(why: Refusal): void {
    this.counters.refused[why]++
  }

  /** `agent`: what the sender calls itself (User-Agent). */
  async take({ programs, rejected }: ReadSpans, sender: Sender, agent: string): Promise<void> {
    const isForwarded = programs.length === 0 || collectors.test(agent) || isOfSeveral(programs)
    const process = isForwarded ? undefined : await sender.process()
    const ip = parseIp(sender.address) ?? unknownAddress
    this.counters.requests++
    this.counters.rejected += rejected
    for (const program of programs) {
      const isOwn = !isForwarded && (process === undefined || !isOther(program, process))
      const owner: SpanOwner = isOwn ? { ip, process } : describedOwner(program.resource)
      for (const span of program.spans) this.#rows.add(span, program.resource, owner)
      this.counters.spans += program.spans.length
      if (owner.process !== undefined) this.counters.owned += program.spans.length
    }
  }

  /** Hands out the rows that wait. */
  flush(): void {
    this.#rows.flush()
  }

  /** By metric name without the component's prefix. */
  stats(): Record<string, number> {
    const { owned, refused, rejected, requests, spans } = this.counters
    return {
      relay_requests_total: requests,
      relay_spans_total: spans,
      relay_spans_rejected_total: rejected,
      relay_spans_of_processes_total: owned,
      ...Object.fromEntries(
        Object.entries(refused).map(([why, count]) => [`relay_refused_${why}_requests_total`, count]),
      ),
    }
  }
}
