// Thins requests out when more come in a second than are wanted (`ingest.sampleAboveRowsPerSecond`): so many of each batch as its
// share of the last second's requests, which ones by chance. Never more than wanted in any second. What is left out is counted
// exactly; metrics are not touched, so their sums stay right.

import type { ColumnBatch, ColumnData } from "../../model/ColumnBatch.ts"
import { l7Columns } from "../../model/columns.ts"

export class RowSampler {
  /** Rows that were not kept. */
  leftOut = 0
  readonly #most: number
  readonly #random: () => number
  #second = 0
  #arrived = 0
  #kept = 0
  #arrivedBefore = 0

  /** `most`: rows a second; 0: all. */
  constructor(most: number, random: () => number = Math.random) {
    this.#most = most
    this.#random = random
  }

  /** Leaves rows of a batch that comes in this second out. */
  thin(batch: ColumnBatch<"l7">, nowSecond: number): void {
    if (this.#most === 0) return
    const kept = this.#share(batch.rows, nowSecond)
    if (kept === batch.rows) return
    this.leftOut += batch.rows - kept
    keepSome(batch, kept, this.#random)
  }

  #share(rows: number, nowSecond: number): number {
    if (nowSecond !== this.#second) {
      this.#arrivedBefore = nowSecond === this.#second + 1 ? this.#arrived : 0
      this.#second = nowSecond
      this.#arrived = 0
      this.#kept = 0
    }
    this.#arrived += rows
    const expected = Math.max(this.#arrivedBefore, this.#arrived)
    // Rounded by chance: small batches count, too.
    const share = expected <= this.#most ? rows : Math.floor((rows * this.#most) / expected + this.#random())
    const kept = Math.min(rows, share, this.#most - this.#kept)
    this.#kept += kept
    return kept
  }
}

/** Each row is as likely to stay as any other; their order stays. */
export const keepSome = (batch: ColumnBatch<"l7">, count: number, random: () => number): void => {
  const kept = new Uint32Array(count)
  let chosen = 0
  for (let row = 0; chosen < count; row++) {
    if (random() * (batch.rows - row) < count - chosen) kept[chosen++] = row
  }
  for (const { name, type } of l7Columns) compact(batch.columns[name], kept, type === "ip" ? 16 : 1)
  batch.rows = count
}

const compact = (data: ColumnData, kept: Uint32Array, width: number): void => {
  if (width > 1) {
    const bytes = data as Uint8Array
    for (let to = 0; to < kept.length; to++)
      bytes.copyWithin(to * width, kept[to]! * width, (kept[to]! + 1) * width)
    return
  }
  const values = data as Array<unknown>
  for (let to = 0; to < kept.length; to++) values[to] = values[kept[to]!]
}
