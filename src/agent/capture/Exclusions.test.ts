import * as fc from "fast-check"
import { assert, describe, expect, it } from "vitest"
import type { ProcessInfo } from "../process/procfs.ts"
import type { ProcessTable } from "../process/ProcessTable.ts"
import { Exclusions, type Filter, noFilter } from "./Exclusions.ts"
import { kernelScope } from "./layout.gen.ts"

const { all, counted, none } = kernelScope

/** What the kernel has, as it was told. */
const kernel = () => {
  const pids = new Map<number, number>()
  const ports = new Map<number, number>()
  const others: { scope: number } = { scope: all }
  return {
    pids,
    ports,
    others,
    target: {
      excludeProcess: (pid: number, scope: number) => (pids.set(pid, scope), true),
      excludePort: (port: number, scope: number) => (ports.set(port, scope), true),
      includeProcess: (pid: number) => void pids.delete(pid),
      includePort: (port: number) => void ports.delete(port),
      limitOtherPorts: (scope: number) => void (others.scope = scope),
    },
  }
}

interface Program {
  readonly pid: number
  readonly comm: string
  readonly exe?: string
  readonly listening: ReadonlyArray<number>
}

const infoOf = ({ comm, exe, pid }: Omit<Program, "listening">): ProcessInfo => ({
  pid,
  parentPid: 1,
  comm,
  args: [],
  exe: exe ?? `/usr/bin/${comm}`,
  uid: 0,
  containerId: "",
  cgroups: [`/system.slice/${comm}.service`],
  startTicks: 0,
})

const tableOf = (programs: ReadonlyArray<Program>) =>
  ({
    all: () =>
      programs.map((program) => ({
        info: infoOf(program),
        listening: program.listening.map((port) => ({ ip: new Uint8Array(16), port })),
      })),
  }) as unknown as ProcessTable

describe("Exclusions.change", () => {
  it("leaves what was there as if it had begun so", () => {
    const port = fc.integer({ min: 1, max: 6 })
    const comm = fc.constantFrom("a", "b", "c")
    const rule = fc.oneof(
      comm.map((name) => `comm=${name}`),
      port.map((number) => `port=${number}`),
      comm.map((name) => `cgroup=/system.slice/${name}*`),
    )
    const settings = fc.record({
      ports: fc.array(port),
      programs: fc.array(comm),
      filter: fc.record({
        include: fc.array(rule, { maxLength: 2 }),
        exclude: fc.array(rule, { maxLength: 2 }),
        connections: fc.constantFrom("all" as const, "included" as const),
      }),
    })
    const programs = fc
      .array(fc.record({ comm, listening: fc.array(port) }), { maxLength: 5 })
      .map((list) => list.map((one, index): Program => ({ ...one, pid: 10 + index })))
    fc.assert(
      fc.property(fc.array(settings, { minLength: 2, maxLength: 5 }), programs, (changes, running) => {
        const changed = kernel()
        const [first] = changes
        const exclusions = new Exclusions([1], first!.ports, first!.programs, first!.filter)
        exclusions.connect(changed.target)
        exclusions.refresh(tableOf(running))
        for (const { filter, ports, programs: names } of changes.slice(1)) {
          exclusions.change(ports, names, filter)
          exclusions.refresh(tableOf(running))
        }
        const last = changes.at(-1)!
        const fresh = kernel()
        const other = new Exclusions([1], last.ports, last.programs, last.filter)
        other.connect(fresh.target)
        other.refresh(tableOf(running))
        const sorted = (map: ReadonlyMap<number, number>) => [...map].toSorted(([one], [two]) => one - two)
        assert.deepStrictEqual(sorted(changed.pids), sorted(fresh.pids))
        assert.deepStrictEqual(sorted(changed.ports), sorted(fresh.ports))
        assert.deepStrictEqual(changed.others, fresh.others)
        assert.deepStrictEqual([...exclusions.ports].toSorted(), [...other.ports].toSorted())
      }),
    )
  })
})

describe("filters", () => {
  const told = (filter: Partial<Filter>, programs: ReadonlyArray<Program>) => {
    const { others, pids, ports, target } = kernel()
    const exclusions = new Exclusions([1], [7], ["db"], { ...noFilter, ...filter })
    exclusions.connect(target)
    exclusions.refresh(tableOf(programs))
    return { exclusions, others, pids: Object.fromEntries(pids), ports: Object.fromEntries(ports) }
  }
  const programs: ReadonlyArray<Program> = [
    { pid: 10, comm: "web", listening: [80] },
    { pid: 11, comm: "job", listening: [] },
    { pid: 12, comm: "db", listening: [5432] },
  ]

  it("count the connections of what they leave out, and nothing of what is excluded anyway", () => {
    const { exclusions, others, pids, ports } = told({ include: ["comm=web", "comm=db"] }, programs)
    expect(pids).toEqual({ 1: none, 11: counted, 12: none })
    expect(ports).toEqual({ 7: none, 5432: none })
    expect(others.scope).toBe(all)
    expect([10, 11, 12].map((pid) => exclusions.has(pid))).toEqual([false, true, true])
    expect([10, 11, 12].map((pid) => exclusions.isAlone(pid))).toEqual([false, false, true])
  })

  it("leave alone what they leave out when connections are to be included, too", () => {
    const { pids } = told({ exclude: ["exe=/usr/bin/j*"], connections: "included" }, programs)
    expect(pids).toEqual({ 1: none, 11: none, 12: none })
  })

  it("name ports on either side", () => {
    const { others, ports } = told({ include: ["port=80", "port=81"], exclude: ["port=81"] }, programs)
    expect(ports).toEqual({ 7: none, 80: all, 81: counted, 5432: none })
    expect(others.scope).toBe(counted)
  })

  it("look again when a process begins another program", () => {
    const { pids, target } = kernel()
    const exclusions = new Exclusions([], [], ["db"], { ...noFilter, exclude: ["comm=job"] })
    exclusions.connect(target)
    const scopes = ["sh", "job", "db", "web"].map((comm) => {
      exclusions.started(infoOf({ pid: 10, comm }))
      return pids.get(10)
    })
    expect(scopes).toEqual([undefined, counted, none, undefined])
    exclusions.started(infoOf({ pid: 10, comm: "job" }))
    exclusions.ended(10)
    expect([...pids]).toEqual([])
  })
})
