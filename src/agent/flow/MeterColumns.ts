// Writes meters into columns of a batch, whose rows are zero before. The columns are looked up by name once a batch: a row is one
// loop over arrays.

import type { AnyBatch, NumberArray } from "../../model/ColumnBatch.ts"
import type { FlowMeter } from "./FlowMeter.ts"

export class MeterColumns {
  readonly #wide: ReadonlyArray<Float64Array>
  readonly #wideSources: ReadonlyArray<number>
  /** Counts and longest delays: no interval is long enough for more than 32 bits. */
  readonly #narrow: ReadonlyArray<Uint32Array>
  readonly #narrowSources: ReadonlyArray<number>

  /** `sources`: index of a meter by name of the column. */
  constructor(batch: AnyBatch, sources: Readonly<Record<string, number>>) {
    const columns = batch.columns as unknown as Readonly<Record<string, NumberArray>>
    const entries = Object.entries(sources).map(([name, source]) => ({ target: columns[name]!, source }))
    const wide = entries.filter(({ target }) => target instanceof Float64Array)
    const narrow = entries.filter(({ target }) => target instanceof Uint32Array)
    this.#wide = wide.map(({ target }) => target as Float64Array)
    this.#wideSources = wide.map(({ source }) => source)
    this.#narrow = narrow.map(({ target }) => target as Uint32Array)
    this.#narrowSources = narrow.map(({ source }) => source)
  }

  /** Writes the meter that begins at `at`. */
  write(row: number, meter: FlowMeter, at: number): void {
    const wide = this.#wide
    const wideSources = this.#wideSources
    for (let i = 0; i < wide.length; i++) {
      const value = meter[at + wideSources[i]!]!
      if (value !== 0) wide[i]![row] = value
    }
    const narrow = this.#narrow
    const narrowSources = this.#narrowSources
    for (let i = 0; i < narrow.length; i++) {
      const value = meter[at + narrowSources[i]!]!
      if (value !== 0) narrow[i]![row] = value
    }
  }
}
