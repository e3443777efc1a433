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
    isGone: () => false,
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

describe("processes that the kernel did not hear of in time", () => {
  const excluding = (filter: Partial<Filter> = {}) => {
    const { pids, target } = kernel()
    const exclusions = new Exclusions([], [], ["db"], { ...noFilter, ...filter })
    exclusions.connect(target)
    return { exclusions, pids }
  }
  const db = infoOf({ pid: 10, comm: "db" })

  it("are left out by their first bytes: begun without a program of their own, or gone already", () => {
    const { exclusions, pids } = excluding()
    expect(exclusions.leavesOut(10, db, "", undefined)).toBe(true)
    expect([...pids]).toEqual([[10, none]])
    expect(exclusions.leavesOut(11, infoOf({ pid: 11, comm: "web" }), "", undefined)).toBe(false)
    expect(exclusions.leavesOut(12, undefined, "db", undefined)).toBe(true)
    expect(exclusions.leavesOut(13, undefined, "web", undefined)).toBe(false)
  })

  it("are known by the name that their begin told, until their number is another's", () => {
    const { exclusions } = excluding()
    exclusions.began(10, undefined, "db")
    expect(exclusions.leavesUncounted(10, undefined)).toBe(true)
    exclusions.ended(10)
    expect(exclusions.has(10)).toBe(false)
    // Its connections and sums may outlive it.
    expect(exclusions.leavesUncounted(10, undefined)).toBe(true)
    expect(exclusions.wasLeftOut(10)).toBe(true)
    exclusions.began(10, undefined, "web")
    expect(exclusions.leavesUncounted(10, undefined)).toBe(false)
    expect(exclusions.wasLeftOut(10)).toBe(false)
  })

  it("are counted where only their requests are left out", () => {
    const counting = excluding({ exclude: ["comm=job"] }).exclusions
    counting.started(infoOf({ pid: 10, comm: "job" }))
    expect(counting.leavesUncounted(10, undefined)).toBe(false)
    const included = excluding({ exclude: ["comm=job"], connections: "included" }).exclusions
    included.started(infoOf({ pid: 10, comm: "job" }))
    expect(included.leavesUncounted(10, undefined)).toBe(true)
  })

  it("are told of again when their number may have been another's, and forgotten when nobody told of their end", () => {
    const { exclusions, pids } = excluding()
    exclusions.began(10, db, "db")
    // The kernel forgets a process with its end, which was lost on the way.
    pids.delete(10)
    exclusions.began(10, db, "db")
    expect([...pids]).toEqual([[10, none]])
    exclusions.refresh({ all: () => [], isGone: (pid: number) => pid === 10 } as unknown as ProcessTable)
    expect([...pids]).toEqual([])
    expect(exclusions.has(10)).toBe(false)
  })

  it("are remembered in a bounded number", () => {
    const { exclusions } = excluding()
    for (let pid = 1; pid <= 5_000; pid++) {
      exclusions.began(pid, undefined, "db")
      exclusions.ended(pid)
    }
    expect(exclusions.wasLeftOut(5_000)).toBe(true)
    expect(exclusions.wasLeftOut(1)).toBe(false)
  })
})
