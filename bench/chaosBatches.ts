// Batches of numbered rows, and what those who make them and those who look for them agree on.

import { type ColumnBatch, makeBatch } from "../src/model/ColumnBatch.ts"

/** Rows of each batch of requests: row r of batch n has flow id n * rowsOfBatch + r. */
export const rowsOfBatch = 20

/** Every fourth batch is of metrics: one request of an endpoint of its own, `/batch/<number>`. */
export const isMetrics = (number: number): boolean => number % 4 === 0

export const address = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 10, 0, 0, 1]

export const requests = (number: number): ColumnBatch<"l7"> => {
  const batch = makeBatch("l7", rowsOfBatch)
  batch.rows = rowsOfBatch
  batch.columns.start_time.fill(Date.now() * 1_000)
  batch.columns.end_time.fill(Date.now() * 1_000)
  for (let row = 0; row < rowsOfBatch; row++) {
    batch.columns.flow_id[row] = number * rowsOfBatch + row
    batch.columns.ip_0.set(address, row * 16)
    batch.columns.ip_1.set(address, row * 16)
    // Now and then a process that nobody has seen: its tags must be stored before.
    batch.columns.gprocess_1[row] = `service-${Math.floor(number / 50)}`
    batch.columns.process_id_1[row] = 1_000 + Math.floor(number / 50)
  }
  return batch
}
