// The features of a capture that can be given up to stay within the agent's budget: each registers itself when it begins, and is told
// when it has to go and when it may come back. Which and when the agent's main thread decides (budget/BudgetKeeper.ts).

import { type Offer, type Sheddable, type ShedName } from "../budget/shedOrder.ts"

export class Shedding {
  readonly #features = new Map<ShedName, Sheddable>()
  #given: ReadonlySet<ShedName>

  constructor(given: ReadonlyArray<ShedName> = []) {
    this.#given = new Set(given)
  }

  /** One feature for each step; it begins as it must: `restore` is called at once, or `shed`. */
  register(feature: Sheddable): void {
    this.#features.set(feature.step, feature)
    if (this.#given.has(feature.step)) feature.shed()
    else feature.restore()
  }

  /** These are given up from now on, and no others. */
  apply(given: ReadonlyArray<ShedName>): void {
    const before = this.#given
    this.#given = new Set(given)
    for (const [step, feature] of this.#features) {
      if (this.#given.has(step) === before.has(step)) continue
      if (this.#given.has(step)) feature.shed()
      else feature.restore()
    }
  }

  has(step: ShedName): boolean {
    return this.#given.has(step)
  }

  get offers(): ReadonlyArray<Offer> {
    return [...this.#features.values()].map(({ features, step, what }) => ({ step, features, what }))
  }
}
