// Long loops that let others run: as generators that yield now and then. Tests run them through, the publisher yields its fiber.

import * as Effect from "effect/Effect"

/** Items worked on between two yields: some milliseconds at most. */
const stepItems = 256

export function* inSteps<Item>(items: Iterable<Item>, work: (item: Item) => void): Generator<void, void> {
  let count = 0
  for (const item of items) {
    work(item)
    if (++count % stepItems === 0) yield
  }
}

/** All at once. */
export const runThrough = <Result>(steps: Generator<void, Result>): Result => {
  for (;;) {
    const step = steps.next()
    if (step.done === true) return step.value
  }
}

/** Others run between the steps. */
export const runGently = <Result>(steps: Generator<void, Result>): Effect.Effect<Result> =>
  Effect.gen(function* () {
    for (;;) {
      const step = steps.next()
      if (step.done === true) return step.value
      yield* Effect.yieldNow
    }
  })
