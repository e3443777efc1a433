// The suite in short: each way of dividing work at sixteen clients, a hundred requests each. `node test/truth/main.ts` is the long form.

import { afterAll, beforeAll, expect, it } from "vitest"
import { Sonde } from "../system/support/Sonde.ts"
import { describeSystem } from "../system/support/system.ts"
import { Numbers, type Result, runScenario } from "./run.ts"
import { scenarios } from "./scenarios/scenarios.ts"

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

  for (const name of ["relay", "threads", "asyncio", "nginx", "node"]) {
    const scenario = scenarios.find((one) => one.name === name)!
    const lack = scenario.lacks()
    if (lack !== "") console.warn(`SKIPPED ${name}: ${lack}`)
    it.skipIf(lack !== "")(`${name}: ${scenario.about}`, async () => {
      const results: Array<Result> = []
      const options = { concurrencies: [clients], requests, before: 100, traces: 0 }
      await runScenario(sonde, scenario, options, numbers, (details) => results.push(...details.results))
      expect(results.length).toBeGreaterThan(0)
      for (const { calls, hop, missing } of results) {
        expect(calls, hop).toBeGreaterThanOrEqual(requests)
        expect(missing / calls, hop).toBeLessThan(0.01)
      }
    })
  }
})
