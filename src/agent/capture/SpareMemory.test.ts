import { expect, it } from "vitest"
import { returnMemory, SpareMemory } from "./SpareMemory.ts"

const minute = 60_000

const make = () => {
  let given = 0
  const memory = new SpareMemory(() => void given++)
  return { memory, given: () => given }
}

it("is given back once, after minutes with an eighth of what there was, when nothing is waiting", () => {
  const { given, memory } = make()
  memory.look(0, 50_000, false)
  memory.look(minute, 6_000, false)
  memory.look(2.9 * minute, 200, false)
  expect(given()).toBe(0)
  memory.look(3 * minute, 200, true)
  expect(given()).toBe(0)
  memory.look(3.1 * minute, 200, false)
  for (let at = 4; at < 60; at++) memory.look(at * minute, 200, false)
  expect([given(), memory.returned]).toEqual([1, 1])
})

it("is kept while it may be needed again, and where there is little of it", () => {
  const { given, memory } = make()
  for (let at = 0; at < 60; at++) memory.look(at * minute, at % 2 === 0 ? 50_000 : 100, false)
  for (let at = 60; at < 120; at++) memory.look(at * minute, 7_000, false)
  expect(given()).toBe(0)
  const few = make()
  few.memory.look(0, 8_000, false)
  for (let at = 1; at < 60; at++) few.memory.look(at * minute, 0, false)
  expect(few.given()).toBe(0)
})

it("waits anew when the clock is set back", () => {
  const { given, memory } = make()
  memory.look(100 * minute, 50_000, false)
  memory.look(101 * minute, 10, false)
  memory.look(10 * minute, 10, false)
  memory.look(12 * minute, 10, false)
  expect(given()).toBe(0)
  memory.look(13 * minute, 10, false)
  expect(given()).toBe(1)
})

it("shrinks a heap that was large", () => {
  let all: Array<object> = Array.from({ length: 400_000 }, (_, i) => ({ i, text: [i] }))
  expect(all.length).toBe(400_000)
  all = []
  const before = process.memoryUsage().heapTotal
  let trimmed = 0
  returnMemory(() => void trimmed++)
  expect(trimmed).toBe(1)
  expect(process.memoryUsage().heapTotal).toBeLessThan(before - 10 * 1_048_576)
})
