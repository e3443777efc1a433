// Some rounds of bench/restarts.ts: an agent ended in order, by force, and in the middle of its start leaves nothing behind.

import { expect, it } from "vitest"
import { restarts } from "../../bench/restarts.ts"
import { describeSystem } from "./support/system.ts"

const needed = ["/usr/sbin/nginx", "/usr/bin/curl", "/usr/sbin/bpftool", "/usr/bin/unshare", "/usr/sbin/ip"]

describeSystem("an agent that is started again and again", needed, () => {
  it("leaves no program, table, probe, file or process behind", async () => {
    const [result] = await restarts(6, 2)
    expect(result!.measured).toContain("nothing left")
    expect(result!.isMet).toBe(true)
  }, 300_000)
})
