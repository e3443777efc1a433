// What metrics are kept of, by a hash of numbers: those that share one stand in a chain, which whoever looks compares in full. A text
// as the key of each would cost more than all that is counted of it. Bounded by whoever adds.

export interface Link<Each> {
  /** Another of the same hash. */
  next: Each | undefined
  /** Forgotten: who holds it must ask for a new one. */
  isRetired: boolean
}

export class HashChains<Each extends Link<Each>> {
  size = 0
  readonly #first = new Map<number, Each>()

  /** The first of those that share a hash. */
  first(hash: number): Each | undefined {
    return this.#first.get(hash)
  }

  add(hash: number, each: Each): void {
    each.next = this.#first.get(hash)
    this.#first.set(hash, each)
    this.size++
  }

  /** Forgets those that nobody needs. */
  sweep(isNeeded: (each: Each) => boolean): void {
    for (const [hash, first] of this.#first) {
      let kept: Each | undefined
      for (let each: Each | undefined = first; each !== undefined;) {
        const next: Each | undefined = each.next
        if (isNeeded(each)) {
          each.next = kept
          kept = each
        } else {
          each.isRetired = true
          this.size--
        }
        each = next
      }
      if (kept === undefined) this.#first.delete(hash)
      else this.#first.set(hash, kept)
    }
  }
}
