// Gives memory back to the system that a busy time has left. V8 keeps the pages of a heap that was large once, and the C library what was
// freed within its own: after 50,000 connections some 230 MiB of which nothing is used. To give them back takes the thread for the time of
// a whole collection, so it is done once, when it has been calm for minutes.

import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"

/** Connections below which there is little to give back. */
const fewConnections = 8_192
/** Calm is one in so many of the most there were. */
const calmPart = 8
const calmMs = 180_000

export class SpareMemory {
  /** How often it was given back. */
  returned = 0
  readonly #giveBack: () => void
  /** Since it was given back. */
  #most = 0
  #calmSinceMs = 0

  constructor(giveBack: () => void) {
    this.#giveBack = giveBack
  }

  /**
   * To be called every few seconds. `connections`: what there is now of what takes memory. `isBusy`: more comes in than may wait for the
   * half second that it takes.
   */
  look(nowMs: number, connections: number, isBusy: boolean): void {
    this.#most = Math.max(this.#most, connections)
    if (this.#most < fewConnections || connections * calmPart >= this.#most || nowMs < this.#calmSinceMs) {
      this.#calmSinceMs = nowMs
      return
    }
    if (nowMs - this.#calmSinceMs < calmMs || isBusy) return
    this.#most = connections
    this.returned++
    this.#giveBack()
  }
}

type Collect = (options: { readonly type: "major"; readonly flavor: "last-resort" }) => void

/** Collects this thread's heap as far as it goes, and lets go the pages that are free then. `trim`: the same of the C library. */
export const returnMemory = (trim: () => void): void => {
  setFlagsFromString("--expose-gc")
  const collect = runInNewContext("gc") as Collect
  setFlagsFromString("--no-expose-gc")
  collect({ type: "major", flavor: "last-resort" })
  trim()
}
