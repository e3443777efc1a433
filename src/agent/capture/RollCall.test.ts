import { expect, it } from "vitest"
import { RollCall } from "./RollCall.ts"

/** What is done in each second, when so many events were lost until then. */
const play = (lostIn: ReadonlyArray<number>): ReadonlyArray<string> => {
  const said: Array<string> = []
  let call = 0
  const rolls = new RollCall(
    () => ++call,
    (since) => said.push(`gone before ${since}`),
  )
  lostIn.forEach((lost, second) =>
    rolls.run(second * 1e6, lost, (isEach) => {
      if (isEach) said.push(`all in ${second}`)
    }),
  )
  return said
}

it("asks for all twice after a loss, and then no more", () => {
  expect(play([0, 0, 0, ...Array.from({ length: 100 }, () => 7)])).toEqual([
    "all in 3",
    "all in 8",
    "gone before 1",
  ])
})

it("asks again, but not all the time, while more is lost", () => {
  const said = play(Array.from({ length: 100 }, (_, second) => second))
  expect(said.filter((text) => text.startsWith("all"))).toEqual(
    [1, 6, 36, 41, 71, 76].map((second) => `all in ${second}`),
  )
})

it("does not wait for a clock that was set back", () => {
  let calls = 0
  const rolls = new RollCall(
    () => 1,
    () => undefined,
  )
  rolls.run(1e15, 1, () => undefined)
  rolls.run(1e12, 1, (isEach) => void (calls += isEach ? 1 : 0))
  expect(calls).toBe(1)
})
