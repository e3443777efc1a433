import { describe, expect, it } from "vitest"
import {
  formatAgo,
  formatBytes,
  formatCount,
  formatDuration,
  formatLatency,
  formatPercent,
  formatRate,
  formatSpan,
  sentence,
} from "./format.ts"

describe("format", () => {
  it.each([
    [0, "0 µs"],
    [842, "842 µs"],
    [999.6, "1000 µs"],
    [1_000, "1 ms"],
    [4_123, "4.12 ms"],
    [41_230, "41.2 ms"],
    [999_400, "999 ms"],
    [999_700, "1 s"],
    [1_240_000, "1.24 s"],
    [90_000_000, "1.5 min"],
    [7_200_000_000, "2 h"],
    [-1_500, "−1.5 ms"],
  ])("duration %d µs", (us, text) => expect(formatDuration(us)).toBe(text))

  it("has no latency where nothing was answered", () => {
    expect(formatLatency(0)).toBe("–")
    expect(formatLatency(null)).toBe("–")
    expect(formatLatency(12)).toBe("12 µs")
  })

  it.each([
    [7, "7"],
    [999, "999"],
    [1_234, "1.23k"],
    [45_000, "45k"],
    [999_600, "1M"],
    [3_100_000_000, "3.1G"],
  ])("count %d", (count, text) => expect(formatCount(count)).toBe(text))

  it.each([
    [0, "0/s"],
    [0.05, "3/min"],
    [0.5, "0.5/s"],
    [12.44, "12.4/s"],
    [1_200, "1.2k/s"],
  ])("rate %d", (rate, text) => expect(formatRate(rate)).toBe(text))

  it.each([
    [0, "0%"],
    [0.0001, "<0.1%"],
    [0.034, "3.4%"],
    [0.5, "50%"],
    [0.9995, ">99.9%"],
    [1, "100%"],
  ])("percent %d", (ratio, text) => expect(formatPercent(ratio)).toBe(text))

  it("sentences", () => {
    expect(sentence("more than 5 rows")).toBe("More than 5 rows.")
    expect(sentence("Is it?")).toBe("Is it?")
  })

  it("bytes and spans", () => {
    expect(formatBytes(74_406)).toBe("74.4 kB")
    expect(formatSpan(75)).toBe("75 s")
    expect(formatSpan(12_000)).toBe("3 h 20 min")
    expect(formatAgo(10_000_000, 10_500)).toBe("just now")
    expect(formatAgo(10_000_000, 22_000)).toBe("12 s ago")
  })
})
