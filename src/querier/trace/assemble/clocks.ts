// Clocks of hosts, from what must be so: the far end of a call is busy with it within the time that the near end waits. Each call
// between two hosts bounds by how much their clocks differ from both sides; many calls bound it closely. Where equal clocks fit, they
// are taken as equal; else the middle is taken, which supposes that request and response take as long on their way.

import { isAnswered, type SpanRow } from "../SpanRow.ts"
import type { ClockCorrection } from "../Trace.ts"
import type { Forest } from "./Forest.ts"

/** Clock of `to` minus what makes it agree with that of `from`: what is added to times of `to`. */
interface Bounds {
  readonly from: number
  readonly to: number
  low: number
  high: number
  links: number
}

const wayReasons = new Set(["tcp_seq", "request_id", "connection"])

const boundsOf = (rows: ReadonlyArray<SpanRow>, forest: Forest): ReadonlyArray<Bounds> => {
  const all = new Map<string, Bounds>()
  rows.forEach((child, at) => {
    const parentAt = forest.parentOf(at)
    if (parentAt === -1 || !wayReasons.has(forest.linkOf(at)!.reason)) return
    const parent = rows[parentAt]!
    if (parent.agent === child.agent) return
    const isForward = parent.agent < child.agent
    const [from, to] = isForward ? [parent.agent, child.agent] : [child.agent, parent.agent]
    const key = `${from} ${to}`
    let bounds = all.get(key)
    if (bounds === undefined) {
      bounds = { from, to, low: Number.NEGATIVE_INFINITY, high: Number.POSITIVE_INFINITY, links: 0 }
      all.set(key, bounds)
    }
    bounds.links++
    // What is added to the child's clock so that it begins after its parent, and ends before it.
    const least = parent.startUs - child.startUs
    const most =
      isAnswered(parent) && isAnswered(child) ? parent.endUs - child.endUs : Number.POSITIVE_INFINITY
    bounds.low = Math.max(bounds.low, isForward ? least : -most)
    bounds.high = Math.min(bounds.high, isForward ? most : -least)
  })
  return [...all.values()].toSorted((a, b) => b.links - a.links)
}

const estimate = ({ high, low }: Bounds): number => {
  if (low <= 0 && high >= 0) return 0
  if (!Number.isFinite(low)) return high
  if (!Number.isFinite(high)) return low
  return Math.round((low + high) / 2)
}

const known = (bound: number): number | null => (Number.isFinite(bound) ? bound : null)

/** `base`: the agent whose clock is taken as right. Every agent of the rows has its correction, by number. */
export const clocksOf = (
  rows: ReadonlyArray<SpanRow>,
  forest: Forest,
  base: number,
): ReadonlyArray<Omit<ClockCorrection, "host">> => {
  const bounds = boundsOf(rows, forest)
  const agents = [...new Set(rows.map(({ agent }) => agent))].toSorted((a, b) => a - b)
  const corrections = new Map<number, Omit<ClockCorrection, "host">>()
  const asItIs = (agent: number) => {
    corrections.set(agent, { agent, offsetUs: 0, lowUs: null, highUs: null, links: 0, isContradicted: false })
  }
  const spread = (start: number): void => {
    asItIs(start)
    const waiting = [start]
    for (let at = waiting.shift(); at !== undefined; at = waiting.shift()) {
      const offset = corrections.get(at)!.offsetUs
      for (const each of bounds) {
        if (each.from !== at && each.to !== at) continue
        const isForward = each.from === at
        const other = isForward ? each.to : each.from
        if (corrections.has(other)) continue
        const [low, high] = isForward ? [each.low, each.high] : [-each.high, -each.low]
        const own = estimate(each)
        corrections.set(other, {
          agent: other,
          offsetUs: offset + (isForward ? own : -own),
          lowUs: known(offset + low),
          highUs: known(offset + high),
          links: each.links,
          isContradicted: low > high,
        })
        waiting.push(other)
      }
    }
  }
  spread(base)
  for (const agent of agents) if (!corrections.has(agent)) spread(agent)
  return agents.map((agent) => corrections.get(agent)!)
}
