// Gives out `_id`s: upper 32 bits the second in which the row is stored, then 14 bits of the server, then an 18-bit counter.
// Invariant: ids of one server only grow, so that "everything since this id" misses no row, however late it came.

const serverBits = 14
const counterBits = 18
const perSecond = 2 ** counterBits

export class RowIds {
  readonly #server: number
  #second: number
  #counter = 0

  /** `nowSecond` is the time of the start; ids begin a second later, past those of a server that just ended. */
  constructor(server: number, nowSecond: number) {
    this.#server = ((server & ((1 << serverBits) - 1)) << counterBits) >>> 0
    this.#second = nowSecond + 1
  }

  /** Ids for `rows` rows that are stored now. More than 2^18 in a second borrow from the next. */
  take(nowSecond: number, rows: number): BigUint64Array {
    if (nowSecond > this.#second) this.#next(nowSecond)
    const ids = new BigUint64Array(rows)
    const words = new Uint32Array(ids.buffer)
    for (let row = 0; row < rows; row++) {
      if (this.#counter === perSecond) this.#next(this.#second + 1)
      words[row * 2] = (this.#server | this.#counter) >>> 0
      words[row * 2 + 1] = this.#second
      this.#counter++
    }
    return ids
  }

  #next(second: number): void {
    this.#second = second
    this.#counter = 0
  }
}
