import { describe, expect, it } from "vitest"
import type { FileCall } from "../../api/contract.ts"
import { callNote, callText, fileLanesOf, sharedNote } from "./fileWaits.ts"

const call = (part: Partial<FileCall>): FileCall => ({
  id: "1",
  side: "server",
  startUs: 1_000,
  endUs: 2_000,
  durationUs: 1_000,
  type: "read",
  bytes: 4_096,
  offset: 0,
  path: "/data/a",
  mountSource: "/dev/vda",
  mountPoint: "/",
  error: "",
  pid: 7,
  thread: 8,
  isCertain: false,
  ...part,
})

describe("waits for files", () => {
  it("are placed in the diagram, and cut where they stick out of it", () => {
    const lanes = fileLanesOf(
      [call({ startUs: 1_500, endUs: 9_000 }), call({ startUs: 200, endUs: 1_100 })],
      { startUs: 1_000, lengthUs: 3_000 },
    )
    expect(lanes.map(({ end, start }) => [start, end])).toEqual([
      [0, 100],
      [500, 3_000],
    ])
  })

  it("are the longest ones where there are many", () => {
    const files = Array.from({ length: 40 }, (_, i) => call({ id: String(i), durationUs: i }))
    const drawn = fileLanesOf(files, { startUs: 0, lengthUs: 10_000 })
    expect(drawn).toHaveLength(12)
    expect(Math.min(...drawn.map((lane) => lane.call.durationUs))).toBe(28)
  })

  it("say what was done and what became of it", () => {
    expect(callText(call({}))).toBe("Read of /data/a")
    expect(callNote(call({ offset: 1_000 }))).toMatch(/at offset/)
    expect(callNote(call({ type: "sync", error: "EIO" }))).toBe("failed: EIO")
    expect(callNote(call({ type: "open" }))).toBe("")
  })

  it("say when the thread had more to do", () => {
    const threads = [{ side: "server" as const, pid: 1, thread: 1, otherRequests: 0 }]
    expect(sharedNote({ threads, files: [], truncated: false })).toBe("")
    const [thread] = threads
    const shared = [{ ...thread!, otherRequests: 2 }]
    expect(sharedNote({ threads: shared, files: [call({})], truncated: false })).toMatch(/2 other requests/)
    expect(sharedNote({ threads: shared, files: [call({ isCertain: true })], truncated: false })).toBe("")
  })
})
