// How much is taken of a process and of a port: nothing of Sonde's own processes, of programs named in the configuration and of the ports
// that these listen on; of what filters leave out connections are counted, or nothing. Told to the kernel as it changes.

import { FilterRules } from "../../runtime/filterRules.ts"
import type { ProcessInfo } from "../process/procfs.ts"
import type { ProcessTable } from "../process/ProcessTable.ts"
import { filteredProcess, goneProcess } from "./filteredProcess.ts"
import { kernelScope } from "./layout.gen.ts"

/** What the kernel side takes; both answer false when its table is full. */
export interface ExclusionTarget {
  /** The scope is one of `kernelScope`. */
  excludeProcess(pid: number, scope: number): boolean
  excludePort(port: number, scope: number): boolean
  includeProcess(pid: number): void
  includePort(port: number): void
  /** Of ports of which nothing was said. */
  limitOtherPorts(scope: number): void
}

export interface Filter {
  readonly include: ReadonlyArray<string>
  readonly exclude: ReadonlyArray<string>
  /** Whether connections that are left out are counted. */
  readonly connections: "all" | "included"
}

/** Processes that are remembered beyond their end: connections may outlive them, and sums of their calls. */
const maxLate = 4_096

export const noFilter: Filter = { include: [], exclude: [], connections: "all" }

export class Exclusions {
  #programs: ReadonlySet<string>
  #fixedPorts: ReadonlySet<number>
  #rules: FilterRules
  /** Of what filters leave out. */
  #leftOutScope: number
  readonly #pids: Set<number>
  /** Of these processes, those that are left alone for their program. */
  readonly #programOf = new Map<number, string>()
  /** By filters. */
  readonly #leftOut = new Set<number>()
  /** Those of both that have ended, in the order of their ends: whether they were left alone. */
  readonly #late = new Map<number, boolean>()
  readonly #ports = new Set<number>()
  /** What the kernel has of processes and ports, where it is not all. */
  readonly #toldPids = new Map<number, number>()
  readonly #toldPorts = new Map<number, number>()
  #toldOthers: number = kernelScope.all
  #target: ExclusionTarget | undefined
  /** Processes and ports that the kernel's tables did not take. */
  refused = 0

  constructor(
    pids: ReadonlyArray<number>,
    ports: ReadonlyArray<number>,
    programs: ReadonlyArray<string>,
    filter: Filter = noFilter,
  ) {
    this.#pids = new Set(pids)
    this.#fixedPorts = new Set(ports)
    this.#programs = new Set(programs)
    this.#rules = new FilterRules(filter.include, filter.exclude)
    this.#leftOutScope = filter.connections === "all" ? kernelScope.counted : kernelScope.none
  }

  /** Its requests are not read. */
  has(pid: number): boolean {
    return this.#pids.has(pid) || this.#leftOut.has(pid)
  }

  /** Not even its connections are counted. */
  isAlone(pid: number): boolean {
    return this.#pids.has(pid)
  }

  /** Whether filters have anything to ask of a process. */
  get concernsProcesses(): boolean {
    return this.#rules.concernsProcesses
  }

  /**
   * A process shows where it did not before, at the first bytes of a connection: whether they are left out. It may have begun without a
   * program of its own, or the kernel did not hear of it in time. `info` undefined: it was gone before anybody looked at it; `comm`
   * and `netns` come with the event.
   */
  leavesOut(pid: number, info: ProcessInfo | undefined, comm: string, netns: number | undefined): boolean {
    if (info !== undefined) this.started(info, netns)
    else if (!this.has(pid)) {
      if (this.#late.has(pid) || this.#programs.has(comm)) return true
      return this.concernsProcesses && !this.#rules.includes(goneProcess(pid, comm, netns ?? 0))
    }
    return this.has(pid)
  }

  /** The same of a connection that is only counted. */
  leavesUncounted(pid: number, info: ProcessInfo | undefined): boolean {
    if (info !== undefined) this.runs(pid, info.comm)
    const isAlone = this.#pids.has(pid) || this.#late.get(pid)
    if (this.#leftOutScope === kernelScope.counted) return isAlone === true
    return isAlone !== undefined || this.#leftOut.has(pid)
  }

  /** It is left out, or was until it ended a short time ago. */
  wasLeftOut(pid: number): boolean {
    return this.has(pid) || this.#late.has(pid)
  }

  /** Ports of which nothing is taken. */
  get ports(): ReadonlySet<number> {
    return new Set([...this.#fixedPorts, ...this.#ports])
  }

  /** From now on the kernel is told; it hears of everything known so far at once. */
  connect(target: ExclusionTarget): void {
    this.#target = target
    for (const pid of [...this.#pids, ...this.#leftOut]) this.#tellProcess(pid)
    this.#tellPorts()
  }

  #tellProcess(pid: number): void {
    if (this.#target === undefined) return
    const scope = this.#pids.has(pid)
      ? kernelScope.none
      : this.#leftOut.has(pid)
        ? this.#leftOutScope
        : kernelScope.all
    if (scope === (this.#toldPids.get(pid) ?? kernelScope.all)) return
    if (scope === kernelScope.all) {
      this.#toldPids.delete(pid)
      return this.#target.includeProcess(pid)
    }
    this.#toldPids.set(pid, scope)
    if (!this.#target.excludeProcess(pid, scope)) this.refused++
  }

  /** Undefined: nothing is said of the port. */
  #scopeOfPort(port: number): number | undefined {
    if (this.#fixedPorts.has(port) || this.#ports.has(port)) return kernelScope.none
    if (this.#rules.excludedPorts.has(port)) return this.#leftOutScope
    return this.#rules.includedPorts.has(port) ? kernelScope.all : undefined
  }

  #tellPorts(): void {
    const target = this.#target
    if (target === undefined) return
    const { excludedPorts, includedPorts } = this.#rules
    for (const port of [...this.ports, ...excludedPorts, ...includedPorts]) {
      const scope = this.#scopeOfPort(port)!
      if (this.#toldPorts.get(port) === scope) continue
      this.#toldPorts.set(port, scope)
      if (!target.excludePort(port, scope)) this.refused++
    }
    for (const port of this.#toldPorts.keys()) {
      if (this.#scopeOfPort(port) !== undefined) continue
      this.#toldPorts.delete(port)
      target.includePort(port)
    }
    const others = includedPorts.size > 0 ? this.#leftOutScope : kernelScope.all
    if (others === this.#toldOthers) return
    this.#toldOthers = others
    target.limitOtherPorts(others)
  }

  /** A process is there, or began another program. `netns`: of a connection that it has. */
  started(info: ProcessInfo, netns?: number): void {
    const { pid } = info
    const isIncluded = !this.concernsProcesses || this.#rules.includes(filteredProcess(info, netns))
    if (isIncluded) this.#leftOut.delete(pid)
    else this.#leftOut.add(pid)
    this.runs(pid, info.comm)
  }

  /** A process began a program, of this name; `info` undefined: it was gone before anybody looked at it. */
  began(pid: number, info: ProcessInfo | undefined, comm: string): void {
    const told = this.#toldPids.get(pid)
    if (info === undefined) this.runs(pid, comm)
    else this.started(info)
    // The end of who had the number before may have been lost; what the kernel was told of it went with it.
    if (told !== undefined && this.#toldPids.get(pid) === told) this.#target?.excludeProcess(pid, told)
  }

  /** A process runs this program; what filters say of it is not asked. */
  runs(pid: number, comm: string): void {
    this.#late.delete(pid)
    if (this.#programOf.has(pid) && !this.#programs.has(comm)) {
      this.#programOf.delete(pid)
      this.#pids.delete(pid)
    }
    if (this.#programs.has(comm) && !this.#pids.has(pid)) {
      this.#pids.add(pid)
      this.#programOf.set(pid, comm)
    }
    this.#tellProcess(pid)
  }

  /** Its number may come back for another process. */
  ended(pid: number): void {
    if (this.has(pid)) {
      if (this.#late.size >= maxLate) this.#late.delete(this.#late.keys().next().value!)
      this.#late.set(pid, this.#pids.has(pid))
    }
    this.#programOf.delete(pid)
    this.#pids.delete(pid)
    this.#leftOut.delete(pid)
    this.#tellProcess(pid)
  }

  /** Other ports, programs and filters from now on; `refresh` finds the processes. */
  change(ports: ReadonlyArray<number>, programs: ReadonlyArray<string>, filter: Filter = noFilter): void {
    this.#fixedPorts = new Set(ports)
    for (const port of ports) this.#ports.delete(port)
    this.#programs = new Set(programs)
    this.#rules = new FilterRules(filter.include, filter.exclude)
    this.#leftOutScope = filter.connections === "all" ? kernelScope.counted : kernelScope.none
    for (const [pid, program] of this.#programOf) if (!this.#programs.has(program)) this.ended(pid)
    this.#late.clear()
    // Those that other rules leave out are found by `refresh`; those that none does are followed at once.
    for (const pid of this.#leftOut) {
      if (!this.#rules.concernsProcesses) this.#leftOut.delete(pid)
      this.#tellProcess(pid)
    }
    this.#tellPorts()
  }

  /** Looks through all processes: new ones to leave alone, those whose end was lost, and the ports they listen on. */
  refresh(processes: ProcessTable): void {
    const ports = new Set<number>()
    for (const pid of [...this.#programOf.keys(), ...this.#leftOut])
      if (processes.isGone(pid)) this.ended(pid)
    for (const { info, listening } of processes.all()) {
      this.started(info)
      if (!this.#pids.has(info.pid)) continue
      for (const { port } of listening) if (!this.#fixedPorts.has(port)) ports.add(port)
    }
    for (const port of ports) this.#ports.add(port)
    for (const port of this.#ports) if (!ports.has(port)) this.#ports.delete(port)
    this.#tellPorts()
  }
}
