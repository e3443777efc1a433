import { expect, it } from "vitest"
import type { ManagedAgent } from "./adminContract.ts"
import { CpuShares } from "./cpuShares.ts"

const agent = (id: string, cpuMs: number, lastSeenMs: number) => ({ id, cpuMs, lastSeenMs }) as ManagedAgent

it("measures between two reports of an agent, and starts anew after a restart", () => {
  const shares = new CpuShares()
  const of = (...agents: ReadonlyArray<ManagedAgent>) =>
    shares.measure(agents).map(({ cpuShare }) => cpuShare)
  expect(of(agent("a", 100, 1_000), agent("b", 0, 1_000))).toEqual([null, null])
  expect(of(agent("a", 350, 2_000), agent("b", 0, 2_000))).toEqual([0.25, 0])
  // The same report again says the same.
  expect(of(agent("a", 350, 2_000))).toEqual([0.25])
  expect(of(agent("a", 20, 3_000))).toEqual([null])
  expect(of(agent("a", 20, 4_000), agent("b", 0, 4_000))).toEqual([0, null])
})
