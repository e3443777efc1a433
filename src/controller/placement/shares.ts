// What is fair: the load each server would carry if agents were like water and rules the walls. Without rules it is the total by
// capacity; where a server may take some agents only, the others' shares rise, so that nobody is moved in pursuit of a balance that
// rules forbid.

/** Agents with the same servers open to them. */
export interface LoadClass {
  /** Places of these servers, ascending. */
  readonly servers: ReadonlyArray<number>
  readonly load: number
}

/** Pouring in turns converges by a constant factor each round; after these many nothing visible changes. */
const roundsMost = 64
const enough = 1e-9

/** Pours `load` upon `servers`, which carry `others` each, up to a common level. Returns what each takes. */
const pour = (
  load: number,
  servers: ReadonlyArray<number>,
  others: (at: number) => number,
  capacity: ReadonlyArray<number>,
): ReadonlyArray<number> => {
  const ascending = [...servers.keys()].sort(
    (one, other) =>
      others(servers[one]!) / capacity[servers[one]!]! -
        others(servers[other]!) / capacity[servers[other]!]! || one - other,
  )
  let base = 0
  let width = 0
  let level = 0
  for (const [rank, index] of ascending.entries()) {
    const at = servers[index]!
    base += others(at)
    width += capacity[at]!
    level = (load + base) / width
    const next = ascending[rank + 1]
    if (next === undefined || level <= others(servers[next]!) / capacity[servers[next]!]!) break
  }
  return servers.map((at) => Math.max(0, level * capacity[at]! - others(at)))
}

/** Fair share of each server, in the unit of the loads. `capacity` is positive. */
export const fairShares = (
  classes: ReadonlyArray<LoadClass>,
  capacity: ReadonlyArray<number>,
): ReadonlyArray<number> => {
  const fair = capacity.map(() => 0)
  const parts: Array<ReadonlyArray<number>> = classes.map(({ servers }) => servers.map(() => 0))
  for (let round = 0; round < roundsMost; round++) {
    let largest = 0
    let changed = 0
    for (const [index, { load, servers }] of classes.entries()) {
      if (servers.length === 0 || load <= 0) continue
      const before = parts[index]!
      for (const [k, at] of servers.entries()) fair[at]! -= before[k]!
      const now = pour(load, servers, (at) => Math.max(0, fair[at]!), capacity)
      parts[index] = now
      for (const [k, at] of servers.entries()) {
        fair[at]! += now[k]!
        largest = Math.max(largest, now[k]!)
        changed = Math.max(changed, Math.abs(now[k]! - before[k]!))
      }
    }
    if (changed <= largest * enough || classes.length < 2) break
  }
  return fair
}
