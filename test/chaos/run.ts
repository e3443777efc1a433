// One mishap after the other, dealt by a seed, each kind once before any comes again; after each, all invariants hold again in time.

import { setTimeout as sleep } from "node:timers/promises"
import { Deliveries } from "./Deliveries.ts"
import { wrong } from "./invariants.ts"
import { compact, mishaps } from "./mishaps.ts"
import { randomFrom } from "./randomFrom.ts"
import { Region, type RegionServer } from "./Region.ts"

export interface ChaosOptions {
  readonly rounds: number
  readonly seed: number
  /** Kinds of mishaps; all when it is left out. */
  readonly kinds?: ReadonlyArray<string>
  /** Also when nothing was wrong. */
  readonly keepsLogs?: boolean
  readonly agents?: number
  readonly leaseSeconds?: number
  /** What a mishap may last before it is mended: about twice a lease, so that some are shorter and some longer. */
  readonly lastsMs?: number
  /** Within which everything is well again. */
  readonly healMs?: number
  readonly onRound?: (round: Round) => void
}

export interface Round {
  readonly round: number
  readonly mishap: string
  readonly detail: string
  /** From the mishap's end until everything was well. */
  readonly healedMs: number
  /** What was not well for the longest. */
  readonly last: string
  /** Empty: everything was well in time. */
  readonly fault: string
}

export interface ChaosResult {
  readonly rounds: ReadonlyArray<Round>
  /** Everything that was not as it must be. */
  readonly faults: ReadonlyArray<string>
  /** Writes in the leader's name, all of them by whoever led, and how often that was another than before. */
  readonly acts: number
  readonly takeOvers: number
  readonly batches: number
  /** Stored twice: sent to another server after one that may have stored it without saying so. */
  readonly doubledRows: number
  /** Where the processes' logs are; empty: they are gone. */
  readonly directory: string
}

const roundsMost = 100_000
const lookMs = 200
const firstMs = 90_000
const lateMs = 60_000
const settleMs = 60_000

const shuffled = <A>(all: ReadonlyArray<A>, chance: () => number): Array<A> => {
  const deck = [...all]
  for (let at = deck.length - 1; at > 0; at--) {
    const other = Math.floor(chance() * (at + 1))
    ;[deck[at], deck[other]] = [deck[other]!, deck[at]!]
  }
  return deck
}

export const chaos = async ({
  agents = 60,
  healMs = 10_000,
  keepsLogs = false,
  kinds = Object.keys(mishaps),
  lastsMs = 9_000,
  leaseSeconds = 5,
  onRound = () => {},
  rounds: count,
  seed,
}: ChaosOptions): Promise<ChaosResult> => {
  const region = await Region.start({ agents, batchEveryMs: 3_000, leaseSeconds })
  const deliveries = new Deliveries(region.clickhouse, region.witness)
  const faults: Array<string> = []
  let isKept = true
  try {
    let acknowledged = 0
    let next = 600
    const change = async (server: RegionServer): Promise<boolean> => {
      const value = next++
      const isDone = await region.setFlushMs(server, value).then(
        () => true,
        () => false,
      )
      if (isDone) acknowledged = value
      return isDone
    }
    /** A server gives its agents away, by the leader's writes, and may have them again. */
    const drain = (by: RegionServer, id: string, isDraining: boolean): Promise<boolean> =>
      region
        .ask(by, (client) => client.ServerDrain({ id, isDraining }))
        .then(
          () => true,
          () => false,
        )
    const heals = async (limitMs: number) => {
      const begunMs = performance.now()
      let last = ""
      while (true) {
        const still = await wrong(region, deliveries, acknowledged).catch((error: Error) => error.message)
        const ms = Math.round(performance.now() - begunMs)
        if (still === "" || ms > limitMs) return { ms, last, still }
        last = still
        await sleep(lookMs)
      }
    }

    while (!(await change(region.servers[0]!))) await sleep(lookMs)
    const first = await heals(firstMs)
    if (first.still !== "") throw new Error(`it was not well before the first mishap: ${first.still}`)

    const chanceOfDeck = randomFrom(seed)
    const rounds: Array<Round> = []
    let deck: Array<string> = []
    for (let round = 1; round <= count; round++) {
      if (deck.length === 0) deck = shuffled(kinds, chanceOfDeck)
      const mishap = deck.pop()!
      // Drawn for this round alone, and what goes on beside the mishap first, so that timing does not change what is drawn.
      const chance = randomFrom(seed * roundsMost + round)
      const pick = (): RegionServer => region.servers[Math.floor(chance() * region.servers.length)]!
      const [changes, drains, drained] = [pick(), pick(), pick().id]
      const during = [
        sleep(chance() * lastsMs * 0.5).then(() => change(changes)),
        sleep(chance() * lastsMs * 0.5).then(() => drain(drains, drained, true)),
      ]
      const detail = await mishaps[mishap]!({ region, chance, lastsMs })
      await Promise.all(during)
      const undrainByMs = performance.now() + lateMs
      while (!(await drain(drains, drained, false))) {
        if (performance.now() > undrainByMs)
          throw new Error(`round ${round} (${mishap}): ${drained} stays drained`)
        await sleep(lookMs)
      }
      const { last, ms, still } = await heals(healMs)
      const inHistory = region.history.faults.splice(0)
      // What is late is given its time, so that the next mishap is not blamed for it.
      const later = still === "" ? undefined : await heals(lateMs)
      const fault = [still, ...inHistory].filter((text) => text !== "").join("; ")
      const done: Round = { round, mishap, detail, healedMs: ms + (later?.ms ?? 0), last, fault }
      rounds.push(done)
      if (fault !== "") faults.push(`round ${round} (${mishap}, ${detail}): ${fault}`)
      onRound(done)
      if (later !== undefined && later.still !== "") {
        faults.push(`round ${round} (${mishap}, ${detail}) did not heal at all: ${later.still}`)
        break
      }
      await compact(region)
    }

    faults.push(...(await rest(region, deliveries)), ...region.history.faults)
    const { ids, rows } = await deliveries.doubles()
    if (ids > 0) faults.push(`${ids} rows have the id of another row`)
    isKept = keepsLogs || faults.length > 0
    return {
      rounds,
      faults,
      acts: region.history.acts,
      takeOvers: region.history.takeOvers,
      batches: deliveries.stored.size,
      doubledRows: rows,
      directory: isKept ? region.directory : "",
    }
  } catch (error) {
    throw new Error(`${(error as Error).message} (seed ${seed}, logs are in ${region.directory})`, {
      cause: error,
    })
  } finally {
    await region.end({ isKept })
  }
}

/** No more batches are made: all that agents made in their present life is delivered and stored. */
const rest = async (region: Region, deliveries: Deliveries): Promise<ReadonlyArray<string>> => {
  for (const host of region.hosts) host.rest()
  const words = () => [...region.words.values()]
  const heard = { acknowledged: 0, atMs: performance.now() }
  while (words().some(({ settled }) => settled === undefined)) {
    const { size } = region.witness.acknowledged
    // A busy machine needs its time for what has come together, but something has to come of it.
    if (size > heard.acknowledged) Object.assign(heard, { acknowledged: size, atMs: performance.now() })
    if (performance.now() - heard.atMs > settleMs) break
    await sleep(lookMs)
  }
  const faults: Array<string> = []
  const made: Array<number> = []
  for (const [agent, { settled }] of region.words) {
    if (settled === undefined) faults.push(`${agent} could not deliver all that it had`)
    else {
      for (let number = settled.first; number <= settled.last; number++) made.push(number)
      if (settled.droppedRows > 0) faults.push(`${agent} gave up ${settled.droppedRows} rows`)
    }
  }
  const missing = await deliveries.missing(made)
  const lost = await deliveries.lost()
  if (missing.length > 0) faults.push(`${missing.length} of ${made.length} batches made are not stored`)
  if (lost.length > 0) faults.push(`${lost.length} acknowledged batches are not stored`)
  return faults
}
