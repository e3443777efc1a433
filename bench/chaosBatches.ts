// What chaos.ts and its child agree on.

/** Rows of each batch of requests: row r of batch n has flow id n * rowsOfBatch + r. */
export const rowsOfBatch = 20

/** Every fourth batch is of metrics: one request of an endpoint of its own, `/batch/<number>`. */
export const isMetrics = (number: number): boolean => number % 4 === 0
