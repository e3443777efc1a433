// How many durations fell into which range: quantiles of any number of them in bounded memory, exact to 5 %.

const step = Math.log(1.1)
/** Above an hour. */
const ranges = 256

export class DurationCounts {
  count = 0
  maxUs = 0
  readonly #counts = new Uint32Array(ranges)

  add(us: number): void {
    this.count++
    if (us > this.maxUs) this.maxUs = us
    this.#counts[Math.min(ranges - 1, Math.floor(Math.log(Math.max(1, us)) / step))]!++
  }

  /** Microseconds that the share `q` of durations does not exceed; 0 without any. */
  quantile(q: number): number {
    let left = Math.ceil(this.count * q)
    for (let range = 0; range < ranges && left > 0; range++) {
      left -= this.#counts[range]!
      if (left <= 0) return Math.min(this.maxUs, Math.round(Math.exp((range + 0.5) * step)))
    }
    return this.maxUs
  }
}
