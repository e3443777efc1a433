import { expect, it } from "vitest"
import type { ShedName } from "../budget/shedOrder.ts"
import { Shedding } from "./Shedding.ts"

const feature = (step: ShedName, log: Array<string>) => ({
  step,
  features: [`feature of ${step}`],
  what: `no ${step}`,
  shed: () => void log.push(`shed ${step}`),
  restore: () => void log.push(`restore ${step}`),
})

it("begins a feature as it must", () => {
  const log: Array<string> = []
  const shedding = new Shedding(["tls"])
  shedding.register(feature("payload", log))
  shedding.register(feature("tls", log))
  expect(log).toEqual(["restore payload", "shed tls"])
  expect(shedding.offers).toEqual([
    { step: "payload", features: ["feature of payload"], what: "no payload" },
    { step: "tls", features: ["feature of tls"], what: "no tls" },
  ])
})

it("tells each feature only what changes for it", () => {
  const log: Array<string> = []
  const shedding = new Shedding()
  shedding.register(feature("payload", log))
  shedding.register(feature("tls", log))
  log.length = 0
  shedding.apply(["payload"])
  shedding.apply(["payload", "tls", "requests"])
  shedding.apply(["payload"])
  shedding.apply([])
  expect(log).toEqual(["shed payload", "shed tls", "restore tls", "restore payload"])
})
