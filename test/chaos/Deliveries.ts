// What became of the agents' batches: all that was acknowledged is stored whole, and no row has the id of another.

import * as Effect from "effect/Effect"
import { rowsOfBatch } from "../../bench/chaosBatches.ts"
import type { BatchNumber, Witness } from "../../bench/Witness.ts"
import type { ClickHouse } from "../../src/runtime/clickhouse/ClickHouse.ts"

/** Numbers named in one statement. */
const atOnce = 2_000
const table = "flow_log.l7_flow_log"

export class Deliveries {
  readonly #clickhouse: ClickHouse["Service"]
  readonly #witness: Witness
  /** Acknowledged and found; not looked for again. */
  readonly stored = new Set<BatchNumber>()

  constructor(clickhouse: ClickHouse["Service"], witness: Witness) {
    this.#clickhouse = clickhouse
    this.#witness = witness
  }

  async #query(sql: string): Promise<ReadonlyArray<Readonly<Record<string, unknown>>>> {
    return Effect.runPromise(this.#clickhouse.query(sql))
  }

  /** Those of `numbers` of which not every row is stored. */
  async missing(numbers: ReadonlyArray<BatchNumber>): Promise<ReadonlyArray<BatchNumber>> {
    const found = new Set<BatchNumber>()
    for (let from = 0; from < numbers.length; from += atOnce) {
      const rows = await this.#query(
        `SELECT toString(intDiv(flow_id, ${rowsOfBatch})) AS number FROM ${table}
         WHERE intDiv(flow_id, ${rowsOfBatch}) IN (${numbers.slice(from, from + atOnce).join(",")})
         GROUP BY number HAVING uniqExact(flow_id) = ${rowsOfBatch}`,
      )
      for (const { number } of rows) found.add(Number(number))
    }
    return numbers.filter((number) => !found.has(number))
  }

  /** What was acknowledged and is not stored. */
  async lost(): Promise<ReadonlyArray<BatchNumber>> {
    const asked = [...this.#witness.acknowledged.difference(this.stored)]
    const missing = new Set(await this.missing(asked))
    for (const number of asked) if (!missing.has(number)) this.stored.add(number)
    return [...missing]
  }

  /** Rows that came twice, and rows that have an id that another has. */
  async doubles(): Promise<{ readonly rows: number; readonly ids: number }> {
    const [found] = await this.#query(
      `SELECT toUInt32(count() - uniqExact(flow_id)) AS rows, toUInt32(count() - uniqExact(_id)) AS ids FROM ${table}`,
    )
    return { rows: Number(found!["rows"]), ids: Number(found!["ids"]) }
  }
}
