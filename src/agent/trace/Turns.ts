// Loops that read whatever is there and work on it afterwards (asyncio, HAProxy): messages of one kind lead to writes of another in
// the order in which they were read. The order counts where nothing can have slipped, which shows when everything is done: then
// as many were written as were read. A message that led to nothing, or a write to which none led, spoils the period in which it was.

import type { Cause } from "./Cause.ts"
import type { Program } from "./Program.ts"

const maxReads = 1_024
/** Reads in a row that led to writes of the right kinds in the same order: nothing was left from before. */
const minAligned = 8

/** From one time when nothing was left to be done to the next. */
export class Period {
  isOver = false
  isSound = true
}

export class Turns {
  readonly #program: Program
  /** What led to nothing yet, by kind. */
  readonly #reads = new Map<number, Array<Cause | null>>()
  #size = 0
  /** Of all reads of this period; undefined: there are several. */
  #kind: number | undefined = undefined
  #isFirst = true
  period = new Period()
  /** Since it last went on to read: how many reads and writes, and whether the writes are of such kinds as the reads lead to. */
  readonly #kinds: Array<number> = []
  #writes = 0
  #isAligned = true

  constructor(program: Program) {
    this.#program = program
  }

  /** How much is to be done. */
  get size(): number {
    return this.#size
  }

  read(cause: Cause | null, kind: number): void {
    this.#kind = this.#isFirst || this.#kind === kind ? kind : undefined
    this.#isFirst = false
    if (this.#kinds.length < maxReads) this.#kinds.push(kind)
    if (this.#size >= maxReads) this.spoil()
    if (!this.period.isSound) return
    const reads = this.#reads.get(kind)
    if (reads === undefined) this.#reads.set(kind, [cause])
    else reads.push(cause)
    this.#size++
  }

  /** What leads to a write of this kind now; null: not known. `isTelling`: as far as is known it did not wait for what was read. */
  take(kind: number, isTelling: boolean): Cause | null {
    const program = this.#program
    if (isTelling && this.#kind !== undefined) program.saw(this.#kind, kind)
    const from = program.sourceOf(kind)
    if (from === undefined || from !== this.#kinds[this.#writes++]) this.#isAligned = false
    const reads = from === undefined ? undefined : this.#reads.get(from)
    if (reads === undefined || reads.length === 0) {
      this.spoil()
      return null
    }
    this.#size--
    return reads.shift()!
  }

  /** Something slipped: what is left is not told apart any more, until the thread has waited. */
  spoil(): void {
    this.period.isSound = false
    this.#clear()
  }

  /** The thread goes on to read. `hasWaited`: before it waited it did everything. */
  next(hasWaited: boolean): void {
    const isDone = hasWaited || this.#isCaughtUp
    this.#kinds.length = 0
    this.#writes = 0
    this.#isAligned = true
    if (!isDone && this.#size > 0) return
    const { period } = this
    if (this.#size > 0) period.isSound = false
    period.isOver = true
    this.period = new Period()
    this.period.isSound = isDone || period.isSound
    this.#clear()
    this.#isFirst = true
  }

  /** As many writes as reads, of several kinds in the same order: whatever slipped before, nothing did now. */
  get #isCaughtUp(): boolean {
    const kinds = this.#kinds
    const isEqual = this.#isAligned && kinds.length >= minAligned && this.#writes === kinds.length
    return isEqual && kinds.some((kind) => kind !== kinds[0])
  }

  #clear(): void {
    for (const reads of this.#reads.values()) reads.length = 0
    this.#size = 0
  }
}
