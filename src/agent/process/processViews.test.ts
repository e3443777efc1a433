import { expect, it } from "vitest"
import { ProcessTable } from "./ProcessTable.ts"
import { processViews } from "./processViews.ts"

const situation = {
  by: "socket data",
  limit: undefined,
  isExcluded: () => false,
  isLeftOut: () => false,
  refusedEvents: new Map(),
  bootUs: 0,
} as const

it("tells of those with requests, of those that listen, and of others as far as there is room", () => {
  const own = new ProcessTable().get(process.pid)!
  const entries = Array.from({ length: 2_500 }, (_, at) => ({
    ...own,
    info: { ...own.info, pid: 2_500 - at },
    listening: at === 700 ? [{ ip: new Uint8Array(16), port: 80 }] : [],
    requests: new Map(at === 1_900 ? [[20, 3]] : at === 12 ? [[20, 5]] : []),
  }))
  const pids = processViews(entries, situation).map(({ pid }) => pid)
  expect(pids).toHaveLength(2_000)
  expect(pids.slice(0, 6)).toEqual([2_488, 600, 1_800, 1, 2, 3])
  expect(new Set(pids).size).toBe(2_000)
})
