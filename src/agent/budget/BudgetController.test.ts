import { describe, expect, it } from "vitest"
import { BudgetController, type Decision } from "./BudgetController.ts"
import { type ShedName, shedOrder } from "./shedOrder.ts"

const limits = { cpu: 0.3, residentBytes: 1_000 }
const all: ReadonlySet<ShedName> = new Set(shedOrder)
const few: ReadonlySet<ShedName> = new Set(["tls", "capture", "payload"])

/** What is left of the CPU of a load with each step given up. */
const saves: Readonly<Record<ShedName, number>> = {
  files: 0.9,
  payload: 0.85,
  tls: 0.8,
  requests: 0.2,
  capture: 0,
}
const idle = 0.005

interface Said {
  readonly second: number
  readonly text: string
}

/** Measures once a second; `load`: CPU that everything would take in this second, `memory`: bytes. */
const simulate = (
  seconds: number,
  load: (second: number) => number,
  options: {
    readonly memory?: (second: number, restarts: number) => number
    readonly offered?: ReadonlySet<ShedName>
    readonly limitOf?: (second: number) => number
  } = {},
): { readonly said: ReadonlyArray<Said>; readonly controller: BudgetController } => {
  const controller = new BudgetController(-60_000)
  const said: Array<Said> = []
  let restarts = 0
  for (let second = 0; second < seconds; second++) {
    const left = controller.held.reduce((share, { step }) => share * saves[step], load(second))
    const decision = controller.decide(
      second * 1_000,
      { cpu: left + idle, residentBytes: options.memory?.(second, restarts) ?? 100 },
      { ...limits, cpu: options.limitOf?.(second) ?? limits.cpu },
      options.offered ?? all,
    )
    if (decision?.kind === "restart") restarts++
    if (decision !== undefined) said.push({ second, text: textOf(decision) })
  }
  return { said, controller }
}

const textOf = (decision: Decision): string =>
  decision.kind === "restart" ? "restart" : `${decision.kind} ${decision.held.step}`
const texts = (said: ReadonlyArray<Said>): ReadonlyArray<string> => said.map(({ text }) => text)

describe("BudgetController", () => {
  it("does nothing within the budget", () => {
    expect(simulate(3_600, () => 0.25).said).toEqual([])
  })

  it("gives up one thing after the other, the dearest first, each time after it was seen what the last one helped", () => {
    const { controller, said } = simulate(40, () => 5)
    expect(texts(said)).toEqual(["shed files", "shed payload", "shed tls", "shed requests", "shed capture"])
    expect(said[0]!.second).toBeGreaterThanOrEqual(1)
    for (const [at, { second }] of said.entries())
      if (at > 0) expect(second - said[at - 1]!.second).toBeGreaterThanOrEqual(2)
    expect(controller.held[0]).toMatchObject({ step: "files", resource: "cpu", limit: 0.3 })
    expect(controller.held[0]!.used).toBeCloseTo(5 + idle)
  })

  it("gives up no more than is needed", () => {
    // 0.31 x 0.9 = 0.279: still near 0.3; x 0.85 = 0.237: enough.
    expect(texts(simulate(300, () => 0.31).said)).toEqual(["shed files", "shed payload"])
  })

  it("gives up only what is there to be given up", () => {
    expect(texts(simulate(30, () => 5, { offered: few }).said)).toEqual([
      "shed payload",
      "shed tls",
      "shed capture",
    ])
  })

  it("takes everything back in the opposite order once it is calm, each step after half a minute", () => {
    const { controller, said } = simulate(600, (second) => (second < 40 ? 5 : 0.01))
    const back = said.filter(({ second }) => second >= 40)
    expect(texts(back)).toEqual([
      "restore capture",
      "restore requests",
      "restore tls",
      "restore payload",
      "restore files",
    ])
    for (const [at, { second }] of back.entries())
      if (at > 0) expect(second - back[at - 1]!.second).toBeGreaterThanOrEqual(30)
    expect(controller.held).toEqual([])
  })

  it("does not take back what would be needed again under the same load", () => {
    // Without single requests the load is 0.06, far below 0.3; with them it would be beyond.
    const { said } = simulate(125, () => 0.5, { offered: new Set<ShedName>(["requests"]) })
    expect(texts(said)).toEqual(["shed requests"])
  })

  it("tries the longer it failed the more rarely: an hour of the same load changes little", () => {
    const { said } = simulate(4 * 3_600, () => 0.5, { offered: new Set<ShedName>(["requests"]) })
    const tries = said.filter(({ text }) => text === "restore requests").map(({ second }) => second)
    expect(tries.length).toBeLessThan(9)
    const gaps = tries.slice(1).map((second, at) => second - tries[at]!)
    for (const [at, gap] of gaps.entries()) if (at > 0) expect(gap).toBeGreaterThanOrEqual(gaps[at - 1]!)
    // For all but a few seconds of each try it was given up.
    const shed = said.filter(({ text }) => text === "shed requests").map(({ second }) => second)
    for (const [at, second] of tries.entries()) expect(shed[at + 1]! - second).toBeLessThanOrEqual(6)
  })

  it("takes back soon what a smaller load allows, before the time of a try", () => {
    const { said } = simulate(400, (second) => (second < 100 ? 0.5 : 0.1), {
      offered: new Set<ShedName>(["requests"]),
    })
    expect(texts(said)).toEqual(["shed requests", "restore requests"])
    expect(said[1]!.second).toBeLessThan(140)
  })

  it("is not moved by a load that goes up and down around the limit", () => {
    const { said } = simulate(3_600, (second) => (second % 20 < 10 ? 0.34 : 0.2))
    expect(said.length).toBeLessThanOrEqual(4)
    expect(texts(said).filter((text) => text.startsWith("restore"))).toEqual([])
  })

  it("does not count the CPU of the first seconds of a capture", () => {
    const controller = new BudgetController(0)
    for (let second = 0; second < 10; second++)
      expect(controller.decide(second * 1_000, { cpu: 3, residentBytes: 1 }, limits, all)).toBeUndefined()
    for (let second = 10; second < 20; second++)
      expect(controller.decide(second * 1_000, { cpu: 0, residentBytes: 1 }, limits, all)).toBeUndefined()
  })

  it("does not answer a single second of much CPU", () => {
    expect(simulate(100, (second) => (second % 50 === 0 ? 1 : 0.02)).said).toEqual([])
  })

  it("says when nothing is left to give up, and when that is over", () => {
    const none = new Set<ShedName>()
    expect(simulate(10, () => 0.5, { offered: none }).controller.problem).toBe("cpu")
    expect(
      simulate(40, (second) => (second < 10 ? 0.5 : 0.1), { offered: none }).controller.problem,
    ).toBeUndefined()
  })

  it("takes another limit as soon as it is set", () => {
    const { said } = simulate(200, () => 0.5, { limitOf: (second) => (second < 100 ? 1 : 0.3) })
    expect(said[0]!.second).toBeGreaterThan(100)
    const raised = simulate(300, () => 0.5, { limitOf: (second) => (second < 100 ? 0.3 : 2) })
    expect(raised.controller.held).toEqual([])
  })

  it("gives features up near the limit of memory, and begins capture anew beyond it", () => {
    const near = simulate(60, () => 0.01, { memory: (second) => (second < 25 ? 950 : 850) })
    expect(texts(near.said)).toEqual(["shed files", "shed payload"])

    const beyond = simulate(60, () => 0.01, { memory: (_second, restarts) => (restarts === 0 ? 1_100 : 300) })
    expect(texts(beyond.said)).toEqual(["restart"])
  })

  it("begins anew more and more rarely where that does not help, and gives features up meanwhile", () => {
    const { controller, said } = simulate(3_600, () => 0.01, { memory: () => 1_200 })
    expect(texts(said)).toEqual([
      "restart",
      "shed files",
      "shed payload",
      "shed tls",
      "shed requests",
      "shed capture",
    ])
    expect(controller.problem).toBe("memory")
    const without = simulate(4 * 3_600, () => 0.01, { memory: () => 1_200, offered: new Set() })
    expect(without.said.length).toBeLessThan(10)
  })

  it("gives something up when the heap was full", () => {
    const controller = new BudgetController(0)
    expect(textOf(controller.outOfMemory(5_000, few, 1_000)!)).toBe("shed payload")
    controller.begin(6_000)
    expect(textOf(controller.outOfMemory(20_000, few, 1_000)!)).toBe("shed tls")
    expect(controller.held.map(({ resource }) => resource)).toEqual(["memory", "memory"])
  })
})
