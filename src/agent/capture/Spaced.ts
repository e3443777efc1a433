// Something that is done now and then, the less often the more it takes of a processor.

/** Time of this thread on a processor, in milliseconds: on a busy machine something takes long that costs little. */
export const threadMs = (): number => {
  const { system, user } = process.threadCpuUsage()
  return (user + system) / 1_000
}

export class Spaced {
  readonly #leastUs: number
  readonly #share: number
  readonly #clockMs: () => number
  #ranUs = 0
  #nextUs = 0

  /** At least `leastUs` lie between two runs, and so much that a run takes at most one part in `share` of the time. */
  constructor(leastUs: number, share: number, clockMs: () => number = threadMs) {
    this.#leastUs = leastUs
    this.#share = share
    this.#clockMs = clockMs
  }

  /** Runs it when it is time, and when the clock was set back. */
  run(nowUs: number, work: () => void): void {
    if (nowUs < this.#nextUs && nowUs >= this.#ranUs) return
    this.#ranUs = nowUs
    const beganMs = this.#clockMs()
    work()
    const tookUs = (this.#clockMs() - beganMs) * 1_000
    this.#nextUs = nowUs + Math.max(this.#leastUs, tookUs * this.#share)
  }
}
