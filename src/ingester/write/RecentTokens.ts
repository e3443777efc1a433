// Tokens of the batches stored last, so that one that comes again is known without asking ClickHouse. Only a shortcut: what it
// has forgotten, ClickHouse's own window still knows.

const defaultCapacity = 65_536

export class RecentTokens {
  readonly #capacity: number
  /** In order of arrival. */
  readonly #tokens = new Set<string>()

  constructor(capacity = defaultCapacity) {
    this.#capacity = capacity
  }

  has(token: string): boolean {
    return this.#tokens.has(token)
  }

  add(token: string): void {
    this.#tokens.add(token)
    if (this.#tokens.size <= this.#capacity) return
    const [oldest] = this.#tokens
    this.#tokens.delete(oldest!)
  }
}
