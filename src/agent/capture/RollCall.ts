// Which connections are still there, after the ends of some may have been lost: all are asked for twice, some seconds apart, because one
// read of a table that changes may pass over one. Nobody is asked while nothing is lost.

/** Between the two calls. */
const againUs = 5_000_000
/** From one pair to the next. */
const restUs = 30_000_000

export class RollCall {
  readonly #begin: () => number
  readonly #giveUp: (call: number, nowUs: number) => void
  #lost = 0
  /** Number of the first call, while the second is to come. */
  #first: number | undefined
  #calledUs = Number.NEGATIVE_INFINITY

  /** `begin` numbers a call; `giveUp`: nothing was heard in it, or since, of a connection that is there. */
  constructor(begin: () => number, giveUp: (call: number, nowUs: number) => void) {
    this.#begin = begin
    this.#giveUp = giveUp
  }

  /**
   * To be called about once a second. `lost` is another number when ends may have been lost since it was told. `read` gets whether it is to
   * read all connections.
   */
  run(nowUs: number, lost: number, read: (isEach: boolean) => void): void {
    const waitedUs = nowUs - this.#calledUs
    // A clock that was set back does not make it wait.
    const isTime = (us: number): boolean => waitedUs >= us || waitedUs < 0
    if (this.#first !== undefined && isTime(againUs)) {
      this.#calledUs = nowUs
      read(true)
      this.#giveUp(this.#first, nowUs)
      this.#first = undefined
    } else if (this.#first === undefined && lost !== this.#lost && isTime(restUs)) {
      this.#calledUs = nowUs
      this.#lost = lost
      this.#first = this.#begin()
      read(true)
    } else read(false)
  }
}
