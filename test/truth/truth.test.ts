// The suite in short: each way of dividing work at sixteen clients, a hundred requests each. `node test/truth/main.ts` is the long form.

import { afterAll, beforeAll, expect, it } from "vitest"
import { Sonde } from "../system/support/Sonde.ts"
import { describeSystem } from "../system/support/system.ts"
import { Numbers, type Result, runScenario } from "./run.ts"
import { scenarios } from "./scenarios/scenarios.ts"

/** Share of calls that must be right at least, and may be wrong at most: what is sure, and event loops that prove themselves first. */
const bars: ReadonlyArray<readonly [scenario: string, leastRight: number, mostWrong: number]> = [
  ["relay", 0.99, 0],
  ["threads", 0.99, 0],
  ["nginx", 0.95, 0],
  ["java-nio", 0.9, 0.01],
  ["java-handoff", 0.9, 0.01],
  ["java-virtual", 0.9, 0],
  ["go-channel", 0.9, 0.01],
  ["go-grpc", 0.99, 0],
  ["nats", 0, 0],
  ["node", 0.8, 0.005],
  ["haproxy", 0.8, 0.005],
  ["asyncio", 0.95, 0.005],
]

const clients = 16
const requests = 100

describeSystem("traces are true", [], () => {
  let sonde: Sonde
  const numbers = new Numbers()

  beforeAll(async () => {
    sonde = new Sonde()
    await sonde.capturing(60)
  })

  afterAll(() => sonde?.stop())

  for (const [name, leastRight, mostWrong] of bars) {
    const scenario = scenarios.find((one) => one.name === name)!
    const lack = scenario.lacks()
    if (lack !== "") console.warn(`SKIPPED ${name}: ${lack}`)
    it.skipIf(lack !== "")(`${name}: ${scenario.about}`, async () => {
      const results: Array<Result> = []
      const options = { concurrencies: [clients], requests, before: 100, traces: 0 }
      await runScenario(sonde, scenario, options, numbers, (details) => results.push(...details.results))
      expect(results.length).toBeGreaterThan(0)
      for (const { calls, hop, missing, right, wrong } of results) {
        expect(calls, hop).toBeGreaterThanOrEqual(requests)
        expect(missing / calls, hop).toBeLessThan(0.01)
        expect(right / calls, hop).toBeGreaterThanOrEqual(leastRight)
        expect(wrong / calls, hop).toBeLessThanOrEqual(mostWrong)
      }
    })
  }
})
