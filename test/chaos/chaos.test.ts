// The suite in short, always the same: every kind of mishap once. `node test/chaos/main.ts` is the long form, with its limit of 10 s.

import { expect, it } from "vitest"
import { describeSystem } from "../system/support/system.ts"
import { mishaps } from "./mishaps.ts"
import { chaos } from "./run.ts"

describeSystem("a region in trouble", ["/usr/bin/etcd"], () => {
  it("is well again after every mishap", async () => {
    const rounds = Object.keys(mishaps).length
    const { acts, batches, faults } = await chaos({
      rounds,
      seed: 8,
      agents: 20,
      leaseSeconds: 2,
      lastsMs: 2_500,
      // A machine with other work to do takes its time.
      healMs: 60_000,
    })
    expect(faults).toEqual([])
    expect(acts).toBeGreaterThan(0)
    expect(batches).toBeGreaterThan(0)
  }, 600_000)
})
