// What a benchmark answers, and the numbers' helpers that all of them use.

export interface Result {
  readonly what: string
  /** What is asked for; empty for a number that is only told. */
  readonly bar: string
  readonly measured: string
  /** Undefined where there is no bar. */
  readonly isMet?: boolean
  readonly command: string
}

export const median = (numbers: ReadonlyArray<number>): number =>
  numbers.toSorted((a, b) => a - b)[numbers.length >> 1]!

export const quantile = (sorted: ReadonlyArray<number>, q: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] ?? 0

export const print = ({ bar, isMet, measured, what }: Result): void => {
  const verdict = isMet === undefined ? "" : isMet ? `  (bar ${bar}: met)` : `  (bar ${bar}: NOT MET)`
  console.log(`${what}: ${measured}${verdict}`)
}
