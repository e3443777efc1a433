// Whether servers of the agent's own region take it: what decides when it looks elsewhere, and when it goes home. And how its region is
// labelled while it is elsewhere, so that its rows say where they are from.

import type * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"

export class HomeContact {
  /** Label of the agent's own region while it is a guest of another; empty: it is at home. */
  label = ""
  #isHeld = false
  #silentSinceMs: number
  readonly #held = Latch.makeUnsafe(false)

  constructor(nowMs: number) {
    this.#silentSinceMs = nowMs
  }

  /** A server at home has the agent. */
  taken(): void {
    this.#isHeld = true
    this.#held.openUnsafe()
  }

  /** A session there, or a try, is over. `isAnswer`: it was refused for a reason that going elsewhere would not change. */
  ended(nowMs: number, isAnswer: boolean): void {
    if (this.#isHeld || isAnswer) this.#silentSinceMs = nowMs
    this.#isHeld = false
    this.#held.closeUnsafe()
  }

  /** Whether a server at home has the agent. */
  get isTakenNow(): boolean {
    return this.#isHeld
  }

  silentMs(nowMs: number): number {
    return this.#isHeld ? 0 : nowMs - this.#silentSinceMs
  }

  /** Completes when a server at home has the agent. */
  get isTaken(): Effect.Effect<void> {
    return this.#held.await
  }
}
