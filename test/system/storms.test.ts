// The short form of bench/storms.ts: processes, connections and sockets by the hundreds; every request is stored once or counted as lost,
// and nothing is left.

import { expect, it } from "vitest"
import { storms } from "../../bench/storms.ts"
import { describeSystem } from "./support/system.ts"

describeSystem("an agent in storms", ["/usr/bin/clang", "/usr/sbin/bpftool"], () => {
  it("counts what it sees, stays within its memory, and forgets what is over", async () => {
    const results = await storms({
      processes: 400,
      processSeconds: 4,
      connectionsPerSecond: 500,
      connectionSeconds: 4,
      sockets: 2_000,
    })
    expect(results.filter(({ isMet }) => isMet !== true)).toEqual([])
  }, 400_000)
})
