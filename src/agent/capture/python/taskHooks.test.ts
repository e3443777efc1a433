import { execFileSync, spawnSync } from "node:child_process"
import { closeSync, existsSync, mkdtempSync, openSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { basename, join } from "node:path"
import { afterAll, describe, expect, it } from "vitest"
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

const folder = mkdtempSync(join(tmpdir(), "sonde-tasks-"))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** The calls of the interpreter as the module makes them. */
const source = `
extern int PyIter_Send(void *, void *, void **);
extern void *PyObject_VectorcallMethod(void *, void **, unsigned long, void *);
extern int _PyGen_FetchStopIterationValue(void **);
extern void *PyContext_CopyCurrent(void);
extern void *over(void *, int), *other(void *);
void *step(void *coroutine, void *exception, void **arguments)
{
	void *result = 0;
	int status;

	if (!exception)
		status = PyIter_Send(coroutine, 0, &result);
	else if ((result = PyObject_VectorcallMethod(exception, arguments, 2, 0)))
		status = 1;
	else
		status = _PyGen_FetchStopIterationValue(&result) == 0 ? 0 : -1;
	return status == 0 || status == -1 ? over(result, status) : result;
}
void *elsewhere(void *name, void **arguments)
{
	void *result = PyObject_VectorcallMethod(name, arguments, 1, 0);

	return result ? other(result) : 0;
}
void *make(void **context) { return *context = PyContext_CopyCurrent(); }
`
const lacksCompiler = spawnSync("cc", ["--version"]).status !== 0
if (lacksCompiler) console.warn("SKIPPED hooks of asyncio in built modules: needs cc")

describe("findTaskHooks", () => {
  for (const flags of [
    ["-O2"],
    ["-O2", "-fno-plt"],
    ["-O2", "-fcf-protection=full", "-s"],
    ["-O3", "-fno-plt", "-s"],
  ])
    it.skipIf(lacksCompiler)(`finds all of it in a module built with ${flags.join(" ")}`, () => {
      const path = join(folder, "_asyncio.test.so")
      writeFileSync(join(folder, "module.c"), source)
      execFileSync("cc", [...flags, "-fPIC", "-shared", "-o", path, join(folder, "module.c")])
      const { probes = [] } = hooks(path) ?? {}
      const count = (program: string): number =>
        probes.filter(([name, , isReturn]) => name.startsWith(program) && !isReturn).length
      expect(count("sonde_task_step_end")).toBe(2)
      expect(count("sonde_task_step") - count("sonde_task_step_end")).toBe(1)
      expect(count("sonde_task_throw")).toBe(1)
      expect(count("sonde_task_made")).toBe(1)
      expect(new Set(probes.map(([, at]) => at)).size).toBe(probes.length)
    })

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
