// What the agents of this server cost, measured from their reports, and the texts in which it is told to the others: some hundred
// agents each, written only when something in one has changed so much that a plan would see it.

import { AgentLoad } from "./AgentLoad.ts"
import { costOf } from "./choose.ts"
import { encodeLoads } from "./LoadBook.ts"

/** With ids of 64 characters a text has 40 kB. */
export const agentsOfText = 500
/** 100,000 agents; those beyond cost what an idle one does. */
const textsMost = 200
/** A change by this part of the load is told at once, a smaller one after a while. */
const changeMost = 0.1
const refreshMs = 300_000

interface Text {
  readonly agents: Set<string>
  /** What was told last; undefined: nothing that is there. */
  told: ReadonlyMap<string, number> | undefined
  toldMs: number
}

export interface DueText {
  readonly number: number
  /** Undefined: nobody is left in it, and its key goes. */
  readonly loads: ReadonlyMap<string, number> | undefined
}

export class OwnLoads {
  readonly #loads = new Map<string, { readonly load: AgentLoad; readonly text: number }>()
  readonly #texts: Array<Text> = []
  /** Reports of agents beyond those that are measured. */
  dropped = 0

  get size(): number {
    return this.#loads.size
  }

  of(agent: string): number | undefined {
    return this.#loads.get(agent)?.load.rowsPerSecond
  }

  /** `inherited`: what the agent cost where it was before. */
  reported(agent: string, rows: number, nowMs: number, inherited: () => number | undefined): void {
    let known = this.#loads.get(agent)
    if (known === undefined) {
      const text = this.#roomFor(agent)
      if (text === undefined) {
        this.dropped++
        return
      }
      known = { load: new AgentLoad(), text }
      const before = inherited()
      if (before !== undefined) known.load.inherit(before)
      this.#loads.set(agent, known)
    }
    known.load.tell(rows, nowMs)
  }

  gone(agent: string): void {
    const known = this.#loads.get(agent)
    if (known === undefined) return
    this.#texts[known.text]!.agents.delete(agent)
    this.#loads.delete(agent)
  }

  /** Texts that have to be written now. */
  due(nowMs: number): ReadonlyArray<DueText> {
    const due: Array<DueText> = []
    for (const [number, text] of this.#texts.entries()) {
      if (text.agents.size === 0) {
        if (text.told !== undefined) due.push({ number, loads: undefined })
        continue
      }
      const loads = new Map<string, number>()
      for (const agent of text.agents) loads.set(agent, Math.round(this.of(agent)! * 10) / 10)
      if (isDue(text, loads, nowMs)) due.push({ number, loads })
    }
    return due
  }

  wrote({ loads, number }: DueText, nowMs: number): void {
    const text = this.#texts[number]!
    text.told = loads
    text.toldMs = nowMs
  }

  /** What was told is gone, with the lease that it stood under. */
  lost(): void {
    for (const text of this.#texts) text.told = undefined
  }

  #roomFor(agent: string): number | undefined {
    let number = this.#texts.findIndex(({ agents }) => agents.size < agentsOfText)
    if (number === -1) {
      if (this.#texts.length >= textsMost) return undefined
      number = this.#texts.length
      this.#texts.push({ agents: new Set(), told: undefined, toldMs: 0 })
    }
    this.#texts[number]!.agents.add(agent)
    return number
  }
}

const isDue = ({ told, toldMs }: Text, loads: ReadonlyMap<string, number>, nowMs: number): boolean => {
  if (told === undefined || told.size !== loads.size) return true
  let hasChanged = false
  for (const [agent, rowsPerSecond] of loads) {
    const before = told.get(agent)
    if (before === undefined) return true
    const cost = costOf(before)
    if (Math.abs(costOf(rowsPerSecond) - cost) > cost * changeMost) return true
    hasChanged ||= before !== rowsPerSecond
  }
  return hasChanged && nowMs - toldMs >= refreshMs
}

export const textOf = (loads: ReadonlyMap<string, number>): string => encodeLoads(loads)
