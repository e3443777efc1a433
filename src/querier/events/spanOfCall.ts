// Which span of a trace a call on a file was made for. Pure.

/** A thread, or in Go a goroutine, which changes threads. Numbers of 64 bits are texts in decimal; "0": none. */
export interface Worker {
  readonly agent: number
  readonly pid: number
  readonly thread: number
  readonly coroutine: string
}

/** What a worker did for one span, by the clock of its own host: microseconds since 1970. */
export interface WorkedSpan extends Worker {
  /** Position in the trace's spans. */
  readonly span: number
  readonly side: "client" | "server"
  /** Number of the served request; "0": the span is none, or it is not known. */
  readonly served: string
  readonly startUs: number
  readonly endUs: number
}

export interface WorkersCall extends Worker {
  /** The served request that the agent knows it to be for; "0": not known. */
  readonly served: string
  readonly startUs: number
  readonly endUs: number
}

export const workerKey = ({ agent, coroutine, pid, thread }: Worker): string =>
  `${agent} ${pid} ${coroutine === "0" ? thread : `g${coroutine}`}`

/**
 * The served request that the agent knows it was for. Else, of the spans that the worker had under way, the one that began last before
 * it, served requests before calls: a worker that waits for an answer reads no files for it. Undefined: none.
 */
export const spanOfCall = (
  spans: ReadonlyArray<WorkedSpan>,
  call: WorkersCall,
): { readonly span: WorkedSpan; readonly isCertain: boolean } | undefined => {
  const isKnown = call.served !== "0"
  const near = spans.filter(
    (one) =>
      (isKnown
        ? one.agent === call.agent && one.served === call.served
        : workerKey(one) === workerKey(call)) &&
      one.startUs <= call.endUs &&
      one.endUs >= call.startUs,
  )
  const served = near.filter(({ side }) => side === "server")
  const span = (served.length > 0 ? served : near).toSorted((a, b) => b.startUs - a.startUs)[0]
  return span === undefined ? undefined : { span, isCertain: isKnown }
}
