// Gives out `_id`s: upper 32 bits the row's second, then 14 bits of the server, then an 18-bit counter that wraps. Ids are
// unique as long as one server stores fewer than 2^18 rows of the same second.

const serverBits = 14
const counterBits = 18
const counterMask = (1 << counterBits) - 1

export class RowIds {
  readonly #server: number
  #counter: number

  /** `start` is any number: a restarted server should not begin where the last one did. */
  constructor(server: number, start: number) {
    this.#server = ((server & ((1 << serverBits) - 1)) << counterBits) >>> 0
    this.#counter = start & counterMask
  }

  /** Ids of the first `rows` rows, whose seconds are given. */
  take(seconds: Uint32Array, rows: number): BigUint64Array {
    const ids = new BigUint64Array(rows)
    const words = new Uint32Array(ids.buffer)
    let counter = this.#counter
    for (let row = 0; row < rows; row++) {
      words[row * 2] = (this.#server | counter) >>> 0
      words[row * 2 + 1] = seconds[row]!
      counter = (counter + 1) & counterMask
    }
    this.#counter = counter
    return ids
  }
}
