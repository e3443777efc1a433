import * as fc from "fast-check"
import { assert, describe, it } from "vitest"
import type { ProcessTable } from "../process/ProcessTable.ts"
import { Exclusions } from "./Exclusions.ts"

/** What the kernel has, as it was told. */
const kernel = () => {
  const pids = new Set<number>()
  const ports = new Set<number>()
  return {
    pids,
    ports,
    target: {
      excludeProcess: (pid: number) => (pids.add(pid), true),
      excludePort: (port: number) => (ports.add(port), true),
      includeProcess: (pid: number) => void pids.delete(pid),
      includePort: (port: number) => void ports.delete(port),
    },
  }
}

interface Program {
  readonly pid: number
  readonly comm: string
  readonly listening: ReadonlyArray<number>
}

const tableOf = (programs: ReadonlyArray<Program>) =>
  ({
    all: () =>
      programs.map(({ comm, listening, pid }) => ({
        info: { pid, comm },
        listening: listening.map((port) => ({ ip: new Uint8Array(16), port })),
      })),
  }) as unknown as ProcessTable

describe("Exclusions.change", () => {
  it("leaves what was there as if it had begun so", () => {
    const port = fc.integer({ min: 1, max: 6 })
    const comm = fc.constantFrom("a", "b", "c")
    const settings = fc.record({ ports: fc.array(port), programs: fc.array(comm) })
    const programs = fc
      .array(fc.record({ comm, listening: fc.array(port) }), { maxLength: 5 })
      .map((all) => all.map((one, index): Program => ({ ...one, pid: 10 + index })))
    fc.assert(
      fc.property(fc.array(settings, { minLength: 2, maxLength: 5 }), programs, (all, running) => {
        const changed = kernel()
        const exclusions = new Exclusions([1], all[0]!.ports, all[0]!.programs)
        exclusions.connect(changed.target)
        exclusions.refresh(tableOf(running))
        for (const { ports, programs: names } of all.slice(1)) {
          exclusions.change(ports, names)
          exclusions.refresh(tableOf(running))
        }
        const last = all.at(-1)!
        const fresh = kernel()
        const other = new Exclusions([1], last.ports, last.programs)
        other.connect(fresh.target)
        other.refresh(tableOf(running))
        assert.deepStrictEqual(changed.pids, fresh.pids)
        assert.deepStrictEqual([...changed.ports].toSorted(), [...fresh.ports].toSorted())
        assert.deepStrictEqual([...exclusions.ports].toSorted(), [...other.ports].toSorted())
      }),
    )
  })
})
