import { expect, it } from "vitest"
import { wholeSteps } from "./wholeSteps.ts"

const points = Array.from({ length: 20 }, (_, i) => i)

it("leaves out what is not complete", () => {
  expect(wholeSteps(points, 1, false)).toEqual(points)
  expect(wholeSteps(points, 1, true)).toEqual(points.slice(1, -4))
  expect(wholeSteps(points, 5, true)).toEqual(points.slice(1, -2))
  expect(wholeSteps(points, 60, true)).toEqual(points.slice(1, -1))
  expect(wholeSteps([1, 2], 5, true)).toEqual([1, 2])
})
