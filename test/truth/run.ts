// One scenario at several concurrencies, watched by a running Sonde, and what came of it.

import type { Sonde } from "../system/support/Sonde.ts"
import { isWhole, parentsByTraces, type Trace, traceOf } from "./assembled.ts"
import { drive } from "./drive.ts"
import type { Hop, Kind, Running, Scenario } from "./Scenario.ts"
import { type Judged, judge, parentsByLinks, type SeenRow, type Tally, tally } from "./score.ts"
import { seenRows, settle } from "./seenRows.ts"

/** What one program of a scenario did at one concurrency. */
export interface Result extends Tally {
  readonly scenario: string
  readonly hop: string
  readonly kind: Kind
  readonly concurrency: number
}

/** What the query API makes of some of the requests. */
export interface TraceResult {
  readonly scenario: string
  readonly concurrency: number
  readonly traces: number
  /** Of them, those that are one tree with all of their request and nothing of another. */
  readonly whole: number
  /** Spans of a trace. */
  readonly medianSpans: number
  /** As in `Result`, by the parents of these traces. */
  readonly tally: Tally
}

export interface RunDetails {
  readonly scenario: string
  readonly concurrency: number
  readonly results: ReadonlyArray<Result>
  readonly judged: ReadonlyArray<Judged>
  readonly rows: ReadonlyArray<SeenRow>
  /** Undefined: no traces were asked for. */
  readonly assembled: TraceResult | undefined
}

export interface RunOptions {
  readonly concurrencies: ReadonlyArray<number>
  /** At each concurrency. */
  readonly requests: number
  /** Made before at each concurrency and not counted: Sonde learns how event loops work by watching them. */
  readonly before: number
  /** Of how many requests the assembled trace is looked at. */
  readonly traces: number
}

/** Numbers of requests, each given once. */
export class Numbers {
  #next = 1

  take(count: number): ReadonlyArray<number> {
    const first = this.#next
    this.#next += count
    return Array.from({ length: count }, (_, i) => first + i)
  }
}

const warmRequests = 20
const warmTries = 5

/** Makes requests and waits until everything that was seen of them is stored. */
const makeRequests = async (
  sonde: Sonde,
  { hops, language }: Running,
  requests: ReadonlyArray<number>,
  concurrency: number,
  numbers: Numbers,
  sinceS: number,
): Promise<ReadonlyArray<SeenRow>> => {
  const { port } = hops[0]!
  await drive({ port, language, requests, concurrency })
  const last = numbers.take(1)
  await drive({ port, language, requests: last, concurrency: 1 })
  await settle(sonde, port, sinceS, last[0]!)
  return seenRows(sonde, hops, sinceS)
}

/** Until the hooks of what has just started are in place and connections are open: every call of some requests is seen. */
const warm = async (sonde: Sonde, running: Running, numbers: Numbers, sinceS: number): Promise<void> => {
  for (let tries = 0; tries < warmTries; tries++) {
    const requests = numbers.take(warmRequests)
    const rows = await makeRequests(sonde, running, requests, 4, numbers, sinceS)
    const judged = judge(running.hops, requests, rows, () => () => [])
    if (!judged.some(({ verdict }) => verdict === "missing")) return
  }
}

const assemble = async (
  sonde: Sonde,
  hops: ReadonlyArray<Hop>,
  requests: ReadonlyArray<number>,
  rows: ReadonlyArray<SeenRow>,
) => {
  const found: Array<readonly [request: number, trace: Trace]> = []
  for (const request of requests) {
    const trace = await traceOf(sonde, hops[0]!.port, request, rows)
    if (trace !== undefined) found.push([request, trace])
  }
  const traces = found.map(([, trace]) => trace)
  const lengths = traces.map(({ spans }) => spans.length).toSorted((one, other) => one - other)
  return {
    traces: requests.length,
    whole: found.filter(([request, trace]) => isWhole(trace, request, rows)).length,
    medianSpans: lengths[lengths.length >> 1] ?? 0,
    tally: tally(judge(hops, requests, rows, parentsByTraces(traces))),
  }
}

/** Starts the scenario's programs, makes requests at each concurrency, and judges every call. */
export const runScenario = async (
  sonde: Sonde,
  { name: scenario, start }: Scenario,
  { before, concurrencies, requests, traces }: RunOptions,
  numbers: Numbers,
  onRun: (details: RunDetails) => void,
): Promise<void> => {
  const sinceS = Math.floor(Date.now() / 1_000)
  const running = await start()
  try {
    const { hops } = running
    await warm(sonde, running, numbers, sinceS)
    for (const concurrency of concurrencies) {
      if (before > 0) await makeRequests(sonde, running, numbers.take(before), concurrency, numbers, sinceS)
      const numbered = numbers.take(requests)
      const rows = await makeRequests(sonde, running, numbered, concurrency, numbers, sinceS)
      const judged = judge(hops, numbered, rows, parentsByLinks(rows))
      const every = Math.max(1, Math.floor(requests / Math.max(1, traces)))
      const chosen = numbered.filter((_, i) => i % every === 0).slice(0, traces)
      onRun({
        scenario,
        concurrency,
        judged,
        rows,
        results: hops.map(({ kind, name }) => ({
          ...{ scenario, hop: name, kind, concurrency },
          ...tally(judged.filter(({ hop }) => hop === name)),
        })),
        assembled:
          traces === 0
            ? undefined
            : { scenario, concurrency, ...(await assemble(sonde, hops, chosen, rows)) },
      })
    }
  } finally {
    await running.stop()
  }
}
