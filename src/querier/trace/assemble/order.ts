// The kept trees as one list, depth first, children by start: a parent comes before its children. And how much of its time each
// span spent without any of its children.

export interface Timed {
  readonly startUs: number
  readonly endUs: number
}

export interface Placed {
  /** Position in the given rows. */
  readonly row: number
  /** Positions in the list; -1: a root. */
  readonly parent: number
  readonly children: Array<number>
  readonly depth: number
}

const byStart =
  (times: ReadonlyArray<Timed>) =>
  (a: number, b: number): number =>
    times[a]!.startUs - times[b]!.startUs || times[b]!.endUs - times[a]!.endUs || a - b

/** Without recursion: a trace may be as deep as it is large. */
export const depthFirst = (
  roots: Iterable<number>,
  children: ReadonlyArray<ReadonlyArray<number>>,
  times: ReadonlyArray<Timed>,
): ReadonlyArray<Placed> => {
  const order = byStart(times)
  const placed: Array<Placed> = []
  const waiting = [...roots]
    .toSorted(order)
    .toReversed()
    .map((row) => ({ row, parent: -1, depth: 0 }))
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const at = placed.length
    placed.push({ ...next, children: [] })
    if (next.parent !== -1) placed[next.parent]!.children.push(at)
    for (const row of children[next.row]!.toSorted(order).toReversed())
      waiting.push({ row, parent: at, depth: next.depth + 1 })
  }
  return placed
}

/** Microseconds of `whole` that none of `parts` covers; `parts` by start. */
export const uncoveredUs = (whole: Timed, parts: ReadonlyArray<Timed>): number => {
  let uncovered = 0
  let at = whole.startUs
  for (const { endUs, startUs } of parts) {
    if (startUs > at) uncovered += Math.min(startUs, whole.endUs) - at
    at = Math.max(at, endUs)
    if (at >= whole.endUs) return uncovered
  }
  return uncovered + Math.max(0, whole.endUs - at)
}
