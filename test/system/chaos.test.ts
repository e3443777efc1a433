// Some rounds of bench/chaos.ts, always the same ones: server, database and agent are killed under load; what was acknowledged is
// stored, and nothing twice.

import { expect, it } from "vitest"
import { chaos } from "../../bench/chaos.ts"
import { describeSystem } from "./support/system.ts"

describeSystem("sudden death under load", [], () => {
  it("loses nothing that was acknowledged and stores nothing twice", async () => {
    const [result] = await chaos(10, 3)
    expect(result?.measured).toContain("0 of them missing, 0 doubled, 0 in parts, 0 out of nowhere")
    expect(result?.isMet).toBe(true)
    // A machine with other work to do takes its time.
  }, 400_000)
})
