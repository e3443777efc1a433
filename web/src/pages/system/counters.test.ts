import { expect, it } from "vitest"
import { losses, others, readable } from "./counters.ts"

const counters = {
  sonde_agent_events_total: 9,
  sonde_agent_kernel_lost_total: 1,
  sonde_agent_send_dropped_memory_full_rows_total: 0,
  sonde_agent_http1_malformed_total: 2,
  sonde_agent_processes: 3,
}

it("tells what was lost from what was done", () => {
  expect(losses(counters).map(({ name, value }) => [readable(name), value])).toEqual([
    ["kernel lost", 1],
    ["send dropped memory full rows", 0],
    ["http1 malformed", 2],
  ])
  expect(others(counters).map(({ name }) => readable(name))).toEqual(["events", "processes"])
})
