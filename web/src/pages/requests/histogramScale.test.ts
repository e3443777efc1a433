import { describe, expect, it } from "vitest"
import { bucketAt, niceMax, partsOf, rangeBetween, totalOf } from "./histogramScale.ts"

const bucket = (time: number, ok: number, serverError = 0) => ({
  time,
  ok,
  clientError: 0,
  serverError,
  timeout: 0,
  unknown: 0,
})

const histogram = {
  stepSeconds: 5,
  buckets: [bucket(100, 1), bucket(105, 2), bucket(110, 3), bucket(115, 4)],
}

describe("histogramScale", () => {
  it("stacks what a bucket holds", () => {
    expect(totalOf(bucket(0, 6, 2))).toBe(8)
    expect(partsOf(bucket(0, 6, 2), 8).map(({ name, from, size }) => [name, from, size])).toEqual([
      ["ok", 0, 0.75],
      ["server_error", 0.75, 0.25],
    ])
    expect(partsOf(bucket(0, 0), 0)).toEqual([])
  })

  it("knows the time at a place, in whole buckets", () => {
    expect([-1, 0, 0.3, 0.99, 1, 7].map((place) => bucketAt(histogram, place))).toEqual([0, 0, 1, 3, 3, 3])
    expect(rangeBetween(histogram, 0.6, 0.3)).toEqual({ fromUs: 105e6, toUs: 115e6 })
    expect(rangeBetween(histogram, 0.6, 0.6)).toEqual({ fromUs: 110e6, toUs: 115e6 })
  })

  it("has a round scale", () => expect([0, 5, 11, 77, 601].map(niceMax)).toEqual([4, 5, 20, 80, 800]))
})
