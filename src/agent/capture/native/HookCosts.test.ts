import { describe, expect, it } from "vitest"
import { HookCosts } from "./HookCosts.ts"

/** Programs whose runs the kernel counts while somebody asks; `rate` runs a second of `ns` each. */
const makeKernel = (rate: number, ns: number) => {
  const kernel = {
    isCounting: false,
    isSwitchedOn: false,
    refusal: undefined as string | undefined,
    starts: 0,
    rate,
    runs: 500,
    startCounting: () => {
      if (kernel.refusal !== undefined) throw Object.assign(new Error("no"), { code: kernel.refusal })
      kernel.isCounting = true
      kernel.starts++
      return () => void (kernel.isCounting = false)
    },
    programStats: () =>
      [
        ["exit", kernel.runs, kernel.runs * ns, 3],
        ["never", 0, 0, 0],
      ] as const,
    passTenth: () => {
      if (kernel.isCounting || kernel.isSwitchedOn) kernel.runs += kernel.rate / 10
    },
  }
  return kernel
}

const pass = (
  costs: HookCosts,
  kernel: ReturnType<typeof makeKernel>,
  from: number,
  seconds: number,
  events: (second: number) => number,
): void => {
  for (let second = from; second < from + seconds; second++) {
    costs.tick(second * 1_000, events(second), events(second) - events(second - 1))
    for (let tenth = 1; tenth <= 10; tenth++) {
      kernel.passTenth()
      costs.look(second * 1_000 + tenth * 100, () => events(second + tenth / 10))
    }
  }
}

describe("HookCosts", () => {
  it("has a tenth of a second in thirty seconds counted and tells what a run costs", () => {
    const kernel = makeKernel(10_000, 600)
    const costs = new HookCosts(kernel)
    expect(costs.share(100)).toBeNull()
    pass(costs, kernel, 0, 100, (second) => second * 10_000)
    expect(kernel.starts).toBe(4)
    expect(costs.hooks()).toEqual([
      {
        program: "exit",
        runsPerSecond: 10_000,
        nsPerRun: 600,
        runs: 4_000,
        ns: 2_400_000,
        missed: 0,
      },
    ])
    expect(costs.countedSeconds).toBeCloseTo(0.4)
    expect(costs.share(10_000)).toBeCloseTo(0.006)
  })

  it("follows the number of events in between", () => {
    const kernel = makeKernel(10_000, 600)
    const costs = new HookCosts(kernel)
    pass(costs, kernel, 0, 3, (second) => second * 10_000)
    expect(costs.share(20_000)).toBeCloseTo(0.012)
    expect(costs.share(0)).toBeCloseTo(0)
  })

  it("does not take the cost of calls without an event for that of the few events there were", () => {
    const kernel = makeKernel(100_000, 20)
    const costs = new HookCosts(kernel)
    pass(costs, kernel, 0, 3, (second) => second)
    expect(costs.share(1_000)).toBeCloseTo(0.003, 3)
  })

  it("counts sooner when there are much more events", () => {
    const kernel = makeKernel(10_000, 600)
    const costs = new HookCosts(kernel)
    pass(costs, kernel, 0, 8, (second) => second * 10_000)
    expect(kernel.starts).toBe(1)
    kernel.rate = 50_000
    pass(costs, kernel, 8, 3, (second) => 80_000 + (second - 7) * 50_000)
    expect(kernel.starts).toBe(2)
    expect(costs.hooks()[0]!.runsPerSecond).toBe(50_000)
  })

  it("says why nothing is known where the kernel refuses", () => {
    const kernel = makeKernel(10_000, 600)
    kernel.refusal = "EPERM"
    const costs = new HookCosts(kernel)
    pass(costs, kernel, 0, 40, (second) => second * 10_000)
    expect(costs.share(10_000)).toBeNull()
    expect(costs.hooks()).toEqual([])
    expect(costs.missing).toContain("CAP_SYS_ADMIN")
  })

  it("takes what somebody else has counted where the kernel refuses", () => {
    const kernel = makeKernel(10_000, 600)
    kernel.refusal = "EPERM"
    kernel.isSwitchedOn = true
    const costs = new HookCosts(kernel)
    pass(costs, kernel, 0, 3, (second) => second * 10_000)
    expect(costs.missing).toBe("")
    expect(costs.share(10_000)).toBeCloseTo(0.006)
  })

  it("leaves nothing switched on", () => {
    const kernel = makeKernel(1, 1)
    const costs = new HookCosts(kernel)
    costs.tick(0, 0, 0)
    expect(kernel.isCounting).toBe(true)
    costs.close()
    expect(kernel.isCounting).toBe(false)
  })
})
