// Whether each call has the parent that it truly has. A call of a program under test (its c-p row) belongs to the request (the program's
// s-p row) whose mark it carries; what Sonde says is compared with that.

import type { Hop } from "./Scenario.ts"

/** A row of `flow_log.l7_flow_log` as far as the score needs it. */
export interface SeenRow {
  readonly id: string
  readonly agent: number
  readonly point: "c-p" | "s-p"
  readonly port: number
  /** Process that was observed: of the client at c-p, of the server at s-p. */
  readonly process: number
  /** Which request it truly belongs to. */
  readonly request: number
  /** "GET"; "Hpub". */
  readonly type: string
  /** Ids that the agent gave request and response so that what caused them can be told; "0": none. */
  readonly requestLink: string
  readonly responseLink: string
  /** For people, when something is wrong: times in microseconds, connection, text. */
  readonly startUs: number
  readonly endUs: number
  readonly clientPort: number
  readonly text: string
}

export type Verdict = "right" | "orphan" | "wrong" | "missing"

export interface Judged {
  readonly hop: string
  readonly call: string
  readonly request: number
  readonly verdict: Verdict
  /** The call's row; undefined: missing. */
  readonly row: SeenRow | undefined
  /** Requests to which Sonde says that it belongs. */
  readonly claimed: ReadonlyArray<number>
}

/** Requests whose s-p row is said to be the call's parent: one at most where Sonde is sure. */
export type Parents = (call: SeenRow) => ReadonlyArray<number>

/** Judges every call that was truly made for these requests. */
export const judge = (
  hops: ReadonlyArray<Hop>,
  requests: ReadonlyArray<number>,
  rows: ReadonlyArray<SeenRow>,
  parents: (hop: Hop) => Parents,
): ReadonlyArray<Judged> => {
  const clientRows = Map.groupBy(
    rows.filter(({ point }) => point === "c-p"),
    ({ port, request }) => `${port} ${request}`,
  )
  const judged: Array<Judged> = []
  for (const hop of hops) {
    const parentsOf = parents(hop)
    for (const { name, port, times, type } of hop.calls) {
      for (const request of requests) {
        const all = clientRows.get(`${port} ${request}`) ?? []
        const seen = type === undefined ? all : all.filter((row) => row.type === type)
        for (const row of seen) {
          const claimed = parentsOf(row)
          const verdict =
            claimed.length === 0 ? "orphan" : claimed.every((one) => one === request) ? "right" : "wrong"
          judged.push({ hop: hop.name, call: name, request, verdict, row, claimed })
        }
        for (let i = seen.length; i < times; i++)
          judged.push({ hop: hop.name, call: name, request, verdict: "missing", row: undefined, claimed: [] })
      }
    }
  }
  return judged
}

/**
 * Parents by the ids in the rows: an id that stands in several rows of one process ties them together, so a call belongs to the
 * requests that are tied to it directly or through other calls. An id that ties it to several requests tells nothing: all are claimed.
 */
export const parentsByLinks = (rows: ReadonlyArray<SeenRow>): ((hop: Hop) => Parents) => {
  const key = ({ agent, process }: SeenRow, link: string): string => `${agent} ${process} ${link}`
  const linksOf = (row: SeenRow): ReadonlyArray<string> =>
    [row.requestLink, row.responseLink].filter((link) => link !== "0").map((link) => key(row, link))
  return (hop) => {
    const callPorts = new Set(hop.calls.map(({ port }) => port))
    const isTaken = ({ point, port, type }: SeenRow): boolean =>
      port === hop.port && (hop.takes === undefined ? point === "s-p" : point === "c-p" && type === hop.takes)
    const own = rows.filter((row) => isTaken(row) || (row.point === "c-p" && callPorts.has(row.port)))
    const byLink = new Map<string, Array<SeenRow>>()
    for (const row of own) {
      for (const link of linksOf(row)) {
        const tied = byLink.get(link)
        if (tied === undefined) byLink.set(link, [row])
        else tied.push(row)
      }
    }
    return (call) => {
      const waiting = [...linksOf(call)]
      const known = new Set(waiting)
      const claimed = new Set<number>()
      for (let link = waiting.pop(); link !== undefined; link = waiting.pop()) {
        for (const row of byLink.get(link) ?? []) {
          // What a request is tied to by its own ids is its business; other requests of the thread are not followed through it.
          if (isTaken(row)) claimed.add(row.request)
          else {
            for (const other of linksOf(row)) {
              if (!known.has(other)) waiting.push(other)
              known.add(other)
            }
          }
        }
      }
      return [...claimed]
    }
  }
}

export interface Tally extends Readonly<Record<Verdict, number>> {
  readonly calls: number
}

export const tally = (judged: ReadonlyArray<Judged>): Tally => {
  const counts = { right: 0, orphan: 0, wrong: 0, missing: 0 }
  for (const { verdict } of judged) counts[verdict]++
  return { ...counts, calls: judged.length }
}
