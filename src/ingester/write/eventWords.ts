// How calls failed and processes ended, in words: `event_desc` of the rows of events.

import { constants } from "node:os"

const namesOf = (numbers: Readonly<Record<string, number>>): ReadonlyMap<number, string> =>
  // Several names may have one number: the first is the usual one.
  new Map(
    Object.entries(numbers)
      .toReversed()
      .map(([name, number]) => [number, name]),
  )

const errors = namesOf(constants.errno)
const signals = namesOf(constants.signals)

/** "ENOSPC"; empty: it did not fail. */
export const errorText = (error: number): string =>
  error === 0 ? "" : (errors.get(error) ?? `error ${error}`)

/** "code 1", "SIGKILL"; empty: it did not end. */
export const endText = (code: number, signal: number): string => {
  if (signal !== 0) return signals.get(signal) ?? `signal ${signal}`
  return code < 0 ? "" : `code ${code}`
}
