import { describe, expect, it } from "vitest"
import type { ProcessEvent } from "../../api/contract.ts"
import { changeText, isBadEnd, livedUs } from "./processHistory.ts"

const event = (part: Partial<ProcessEvent>): ProcessEvent => ({
  id: "1",
  timeUs: 5_000,
  startUs: 2_000,
  type: "exit",
  pid: 1,
  parentPid: 1,
  name: "a",
  commandLine: "a b",
  uid: 0,
  exitCode: 0,
  exitSignal: 0,
  outcome: "code 0",
  host: "",
  pod: "",
  ...part,
})

describe("begins and ends of processes", () => {
  it("are said in words", () => {
    expect(["exec", "exit", "oom_kill", "new"].map((type) => changeText(event({ type })))).toEqual([
      "Began",
      "Ended",
      "Killed for memory",
      "new",
    ])
  })

  it("are marked when they went wrong", () => {
    expect(isBadEnd(event({}))).toBe(false)
    expect(isBadEnd(event({ type: "exec", exitCode: null }))).toBe(false)
    expect(isBadEnd(event({ exitCode: 1 }))).toBe(true)
    expect(isBadEnd(event({ exitCode: null, exitSignal: 9 }))).toBe(true)
    expect(isBadEnd(event({ type: "oom_kill", exitCode: null }))).toBe(true)
  })

  it("tell how long a process lived, of ends only", () => {
    expect(livedUs(event({}))).toBe(3_000)
    expect(livedUs(event({ type: "exec" }))).toBe(null)
  })
})
