// How many rows a second an agent delivers, smoothed, from counts that only grow and that begin anew when the agent does.

/** After this time an old rate counts half. */
const halfLifeMs = 300_000
/** Nobody delivers more: a count gone mad does not become a place. */
const rowsPerSecondMost = 1e9

export class AgentLoad {
  /** Rate and weight, both smoothed: their quotient is right from the first interval on, however short it is. */
  #weighted = 0
  #weight = 0
  #rows = -1
  #atMs = 0

  get rowsPerSecond(): number {
    return this.#weight === 0 ? 0 : this.#weighted / this.#weight
  }

  /** `rows` since the agent's start, told at `nowMs`. */
  tell(rows: number, nowMs: number): void {
    if (!Number.isFinite(rows) || rows < 0) return
    const elapsedMs = nowMs - this.#atMs
    if (this.#rows >= 0 && elapsedMs > 0) {
      const delivered = rows >= this.#rows ? rows - this.#rows : rows
      const rate = Math.min((delivered * 1_000) / elapsedMs, rowsPerSecondMost)
      const kept = 0.5 ** (elapsedMs / halfLifeMs)
      this.#weighted = this.#weighted * kept + rate * (1 - kept)
      this.#weight = this.#weight * kept + (1 - kept)
    }
    this.#rows = rows
    this.#atMs = nowMs
  }

  /** What another server measured, when the agent comes from there. */
  inherit(rowsPerSecond: number): void {
    this.#weighted = rowsPerSecond
    this.#weight = 1
  }
}
