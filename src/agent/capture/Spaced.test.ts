import { expect, it } from "vitest"
import { Spaced } from "./Spaced.ts"

it("runs as often as it may, and less often when it takes long", () => {
  let clockMs = 0
  const ran: Array<number> = []
  const spaced = new Spaced(1_000, 100, () => clockMs)
  const run = (nowUs: number, tookMs: number): void =>
    spaced.run(nowUs, () => {
      ran.push(nowUs)
      clockMs += tookMs
    })
  for (const nowUs of [0, 500, 1_000]) run(nowUs, 0)
  // 20 ms at one part in a hundred: 2 s.
  run(2_000, 20)
  for (const nowUs of [1_000_000, 2_001_999, 2_002_000]) run(nowUs, 0)
  expect(ran).toEqual([0, 1_000, 2_000, 2_002_000])
  const once = new Spaced(Number.POSITIVE_INFINITY, 1)
  for (const nowUs of [0, 1e15]) once.run(nowUs, () => ran.push(-1))
  expect(ran.filter((at) => at === -1)).toHaveLength(1)
})
