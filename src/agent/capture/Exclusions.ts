// Whose traffic is left alone: Sonde's own processes, programs named in the configuration, and both ends of connections to
// ports that those programs listen on. Told to the kernel as it changes.

import type { ProcessTable } from "../process/ProcessTable.ts"

/** What the kernel side takes; both answer false when its table is full. */
export interface ExclusionTarget {
  excludeProcess(pid: number): boolean
  excludePort(port: number): boolean
  includeProcess(pid: number): void
  includePort(port: number): void
}

export class Exclusions {
  #programs: ReadonlySet<string>
  #fixedPorts: ReadonlySet<number>
  readonly #pids: Set<number>
  /** Of these processes, those that are left alone for their program. */
  readonly #programOf = new Map<number, string>()
  readonly #ports = new Set<number>()
  #target: ExclusionTarget | undefined
  /** Processes and ports that the kernel's tables did not take. */
  refused = 0

  constructor(pids: ReadonlyArray<number>, ports: ReadonlyArray<number>, programs: ReadonlyArray<string>) {
    this.#pids = new Set(pids)
    this.#fixedPorts = new Set(ports)
    this.#programs = new Set(programs)
  }

  has(pid: number): boolean {
    return this.#pids.has(pid)
  }

  get ports(): ReadonlySet<number> {
    return new Set([...this.#fixedPorts, ...this.#ports])
  }

  /** From now on the kernel is told; it hears of everything known so far at once. */
  connect(target: ExclusionTarget): void {
    this.#target = target
    for (const pid of this.#pids) this.#count(target.excludeProcess(pid))
    for (const port of this.ports) this.#count(target.excludePort(port))
  }

  #count(taken: boolean): void {
    if (!taken) this.refused++
  }

  /** A process began a program. */
  started(pid: number, comm: string): void {
    if (!this.#programs.has(comm) || this.#pids.has(pid)) return
    this.#pids.add(pid)
    this.#programOf.set(pid, comm)
    if (this.#target !== undefined) this.#count(this.#target.excludeProcess(pid))
  }

  /** Its number may come back for another process. */
  ended(pid: number): void {
    this.#programOf.delete(pid)
    if (this.#pids.delete(pid)) this.#target?.includeProcess(pid)
  }

  /** Other ports and programs from now on; `refresh` finds the processes. */
  change(ports: ReadonlyArray<number>, programs: ReadonlyArray<string>): void {
    const before = this.ports
    this.#fixedPorts = new Set(ports)
    for (const port of ports) {
      this.#ports.delete(port)
      if (!before.has(port) && this.#target !== undefined) this.#count(this.#target.excludePort(port))
    }
    const after = this.ports
    for (const port of before) if (!after.has(port)) this.#target?.includePort(port)
    this.#programs = new Set(programs)
    for (const [pid, program] of this.#programOf) if (!this.#programs.has(program)) this.ended(pid)
  }

  /** Looks through all processes: new ones to leave alone, and the ports they listen on. */
  refresh(processes: ProcessTable): void {
    const ports = new Set<number>()
    for (const { info, listening } of processes.all()) {
      this.started(info.pid, info.comm)
      if (!this.#pids.has(info.pid)) continue
      for (const { port } of listening) if (!this.#fixedPorts.has(port)) ports.add(port)
    }
    for (const port of ports) {
      if (this.#ports.has(port)) continue
      this.#ports.add(port)
      if (this.#target !== undefined) this.#count(this.#target.excludePort(port))
    }
    for (const port of this.#ports) {
      if (ports.has(port)) continue
      this.#ports.delete(port)
      this.#target?.includePort(port)
    }
  }
}
