// What chaos.ts and its child agree on.

/** Rows of each batch of requests: row r of batch n has flow id n * rowsOfBatch + r. */
export const rowsOfBatch = 20
