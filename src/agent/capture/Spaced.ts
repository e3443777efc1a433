// Something that is done now and then, the less often the longer it takes.

export class Spaced {
  readonly #leastUs: number
  readonly #share: number
  readonly #clockMs: () => number
  #nextUs = 0

  /** At least `leastUs` lie between two runs, and so much that a run takes at most one part in `share` of the time. */
  constructor(leastUs: number, share: number, clockMs: () => number = () => performance.now()) {
    this.#leastUs = leastUs
    this.#share = share
    this.#clockMs = clockMs
  }

  /** Runs it when it is time. */
  run(nowUs: number, work: () => void): void {
    if (nowUs < this.#nextUs) return
    const beganMs = this.#clockMs()
    work()
    const tookUs = (this.#clockMs() - beganMs) * 1_000
    this.#nextUs = nowUs + Math.max(this.#leastUs, tookUs * this.#share)
  }
}
