// How many rows a second an agent delivers, smoothed, from counts that only grow and that begin anew when the agent does.

/** After this time an old rate counts half. */
const halfLifeMs = 300_000

export class AgentLoad {
  rowsPerSecond = 0
  #rows = -1
  #atMs = 0
  #isFirst = true

  /** `rows` since the agent's start, told at `nowMs`. */
  tell(rows: number, nowMs: number): void {
    const elapsedMs = nowMs - this.#atMs
    if (this.#rows >= 0 && elapsedMs > 0) {
      const delivered = rows >= this.#rows ? rows - this.#rows : rows
      const rate = (delivered * 1_000) / elapsedMs
      const old = this.#isFirst ? 0 : 0.5 ** (elapsedMs / halfLifeMs)
      this.rowsPerSecond = old * this.rowsPerSecond + (1 - old) * rate
      this.#isFirst = false
    }
    this.#rows = rows
    this.#atMs = nowMs
  }

  /** What another server measured, when the agent comes from there. */
  inherit(rowsPerSecond: number): void {
    this.rowsPerSecond = rowsPerSecond
    this.#isFirst = false
  }
}
