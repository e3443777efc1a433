// Writes meters into columns of a batch. The columns are looked up by name once a batch: a row is one loop over arrays.

import type { AnyBatch, NumberArray } from "../../model/ColumnBatch.ts"
import type { FlowMeter } from "./FlowMeter.ts"

const maxU32 = 0xffff_ffff

export class MeterColumns {
  readonly #targets: ReadonlyArray<NumberArray>
  readonly #sources: ReadonlyArray<number>

  /** `sources`: index of a meter by name of the column. */
  constructor(batch: AnyBatch, sources: Readonly<Record<string, number>>) {
    const columns = batch.columns as unknown as Readonly<Record<string, NumberArray>>
    this.#targets = Object.keys(sources).map((name) => columns[name]!)
    this.#sources = Object.values(sources)
  }

  write(row: number, meter: FlowMeter): void {
    const [sources, targets] = [this.#sources, this.#targets]
    for (let i = 0; i < sources.length; i++) {
      const target = targets[i]!
      const value = meter[sources[i]!]!
      target[row] = target instanceof Uint32Array && value > maxU32 ? maxU32 : value
    }
  }
}
