// From rows that a search found to the tree of a trace: which saw the same call, who made it for whom, what the clocks say. Pure; any
// input gives a tree: what does not fit stays a root or is left out, and is told of.

import type { SpanRow } from "../SpanRow.ts"
import type { ClockCorrection, Link, ReachedLimit } from "../Trace.ts"
import { callsOf } from "./calls.ts"
import { clocksOf } from "./clocks.ts"
import { Forest } from "./Forest.ts"
import { keptTrees } from "./keptTrees.ts"
import { linkApplications } from "./linkApplications.ts"
import { linkCalls } from "./linkCalls.ts"
import { linkMessages } from "./linkMessages.ts"
import { linkProcesses } from "./linkProcesses.ts"
import { linkProxies } from "./linkProxies.ts"
import { depthFirst, type Placed, type Timed, uncoveredUs } from "./order.ts"
import { wholeRows } from "./wholeRows.ts"

export interface AssembledSpan extends Timed {
  readonly row: SpanRow
  readonly otherIds: ReadonlyArray<string>
  readonly parent: number
  readonly link: Link | null
  readonly depth: number
  readonly children: ReadonlyArray<number>
  readonly selfUs: number
}

export interface Assembled {
  /** Depth first. */
  readonly spans: ReadonlyArray<AssembledSpan>
  /** Position of the row that was asked for; -1: none was. */
  readonly asked: number
  readonly clocks: ReadonlyArray<Omit<ClockCorrection, "host">>
  readonly limits: ReadonlyArray<ReachedLimit>
}

/** What a trace was asked for by. */
export type Asked = { readonly rowId: string } | { readonly traceId: string }

/** Names of processes by row id; where there is none its number stands for it. */
export type ProcessNames = ReadonlyMap<string, string>

const observedProcess =
  (names: ProcessNames) =>
  (row: SpanRow): string => {
    const pid = row.point === "s-p" ? row.serverPid : row.clientPid
    const name = names.get(row.id) ?? ""
    return name === "" ? String(pid) : `${name} (${pid})`
  }

const nothing: Assembled = { spans: [], asked: -1, clocks: [], limits: [] }

export const assembleTrace = (
  found: ReadonlyArray<SpanRow>,
  asked: Asked,
  names: ProcessNames = new Map(),
): Assembled => {
  const { otherIds, rows } = wholeRows(found)
  const askedRow =
    "rowId" in asked
      ? rows.findIndex(({ id }) => id === asked.rowId || otherIds.get(id)?.includes(asked.rowId) === true)
      : -1
  if ("rowId" in asked && askedRow === -1) return nothing

  const forest = new Forest(rows.length)
  const calls = callsOf(rows)
  linkCalls(rows, calls, forest)
  linkApplications(rows, calls, forest)
  linkMessages(rows, calls, forest)
  linkProcesses(rows, calls, forest, observedProcess(names))
  linkProxies(rows, calls, forest)

  const kept = keptTrees(rows, forest, "traceId" in asked ? asked : { row: askedRow })
  const first = askedRow === -1 ? Math.min(...kept.roots) : forest.rootOf(askedRow)
  if (kept.roots.size === 0) return nothing
  const keptRows = rows.map((_, at) => kept.roots.has(forest.rootOf(at)))
  const clocks = clocksOf(rows, forest, rows[first]!.agent)
  const offsets = new Map(clocks.map(({ agent, offsetUs }) => [agent, offsetUs]))
  const times = rows.map(({ agent, endUs, startUs }): Timed => {
    const offsetUs = offsets.get(agent) ?? 0
    return { startUs: startUs + offsetUs, endUs: Math.max(endUs, startUs) + offsetUs }
  })
  const placed = depthFirst(kept.roots, forest.children(), times)
  const span = ({ children, depth, parent, row }: Placed): AssembledSpan => {
    const parts = children.map((child) => times[placed[child]!.row]!)
    const { id } = rows[row]!
    return {
      row: rows[row]!,
      otherIds: otherIds.get(id) ?? [],
      ...times[row]!,
      parent,
      link: forest.linkOf(row),
      depth,
      children,
      selfUs: uncoveredUs(times[row]!, parts),
    }
  }
  const agents = new Set(rows.filter((_, at) => keptRows[at]).map(({ agent }) => agent))
  return {
    spans: placed.map(span),
    asked: placed.findIndex(({ row }) => row === askedRow),
    clocks: clocks.filter(({ agent }) => agents.has(agent)),
    limits:
      kept.left === 0
        ? []
        : [
            {
              name: "unlinked",
              limit: 0,
              text: `${kept.left} more ${kept.left === 1 ? "span shares" : "spans share"} an id with this trace; no link leads to them, so they are left out`,
            },
          ],
  }
}
