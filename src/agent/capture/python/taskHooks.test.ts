import { execFileSync } from "node:child_process"
import { closeSync, existsSync, openSync } from "node:fs"
import { basename } from "node:path"
import { describe, expect, it } from "vitest"
import { findTaskHooks } from "./taskHooks.ts"

const python = "/usr/bin/python3"

/** The interpreter's own module; empty: it has none as a file. */
const modulePath = (): string =>
  existsSync(python)
    ? execFileSync(python, ["-c", "import _asyncio; print(getattr(_asyncio, '__file__', ''))"], {
        encoding: "utf8",
      }).trim()
    : ""

const hooks = (path: string, name = basename(path)) => {
  const fd = openSync(path, "r")
  try {
    return findTaskHooks(fd, name)
  } finally {
    closeSync(fd)
  }
}

describe("findTaskHooks", () => {
  const path = modulePath()
  if (path === "") console.warn(`SKIPPED hooks of asyncio: ${python} has no module _asyncio of its own`)

  it.skipIf(path === "")("hooks where a Task's step begins, ends, and where Tasks are made", () => {
    const { name, probes = [] } = hooks(path) ?? {}
    expect(name).toBe("asyncio")
    // One call of the interpreter runs all steps; its end is hooked before its beginning.
    const [end, begin, ...made] = probes
    expect(end).toEqual([expect.stringMatching(/^sonde_task_step_end/), expect.any(Number), false])
    expect(begin).toEqual(["sonde_task_step", expect.any(Number), false])
    const between = end![1] - begin![1]
    expect(between).toBeGreaterThanOrEqual(5)
    expect(between).toBeLessThan(64)
    const others = new Set(made.map(([program]) => program))
    expect(others).toContain("sonde_task_made")
    // A Task goes on behind a time limit that is over.
    expect(others).toContain("sonde_task_throw")
  })

  it("hooks nothing in other files", () => {
    if (path !== "") expect(hooks(path, "libasyncio.so")).toBeUndefined()
    expect(hooks(process.execPath, "_asyncio.cpython-311.so")).toBeUndefined()
    expect(hooks("/bin/sh", "_asyncio.so")).toBeUndefined()
  })
})
