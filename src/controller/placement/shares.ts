// What each server should carry: the load as water, the servers as vessels as wide as their capacity, and walls between them where
// rules let an agent go to some only. Where a zone has more load than its servers' part of the total, their shares are larger and
// those of the others smaller, so that no balance is sought that nobody may make.

/** Agents that may go to the same servers. */
export interface Demand {
  /** Places in `capacities`. */
  readonly servers: ReadonlyArray<number>
  load: number
}

/** Each round brings the levels closer by a factor; behind these many nothing changes that a plan would see. */
const roundsMost = 64
const closeEnough = 1e-6

/** Spreads `load` so that the lowest vessels rise to one level; gives what each of `servers` takes. */
const pour = (
  { load, servers }: Demand,
  carried: ReadonlyArray<number>,
  capacities: ReadonlyArray<number>,
): ReadonlyArray<number> => {
  const levelOf = (at: number): number => carried[at]! / capacities[at]!
  const lowestFirst = servers.toSorted((one, other) => levelOf(one) - levelOf(other) || one - other)
  let below = 0
  let width = 0
  let level = 0
  for (const at of lowestFirst) {
    if (width > 0 && level <= levelOf(at)) break
    below += carried[at]!
    width += capacities[at]!
    level = (load + below) / width
  }
  return servers.map((at) => Math.max(0, level * capacities[at]! - carried[at]!))
}

/** Shares by place in `capacities` (all above 0), in the unit of the loads. */
export const fairShares = (
  demands: ReadonlyArray<Demand>,
  capacities: ReadonlyArray<number>,
): ReadonlyArray<number> => {
  const carried = capacities.map(() => 0)
  const parts = demands.map(({ servers }) => servers.map(() => 0))
  let total = 0
  for (const { load } of demands) total += load
  for (let round = 0; round < roundsMost; round++) {
    let changed = 0
    for (const [index, demand] of demands.entries()) {
      const part = parts[index]!
      for (const [place, at] of demand.servers.entries())
        carried[at] = Math.max(0, carried[at]! - part[place]!)
      const poured = pour(demand, carried, capacities)
      for (const [place, at] of demand.servers.entries()) {
        carried[at] = carried[at]! + poured[place]!
        changed = Math.max(changed, Math.abs(poured[place]! - part[place]!))
        part[place] = poured[place]!
      }
    }
    if (demands.length === 1 || changed <= total * closeEnough) break
  }
  return carried
}
