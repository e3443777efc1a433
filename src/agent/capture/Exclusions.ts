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
  readonly #programs: ReadonlySet<string>
  readonly #fixedPorts: ReadonlySet<number>
  readonly #pids: Set<number>
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
    if (this.#target !== undefined) this.#count(this.#target.excludeProcess(pid))
  }

  /** Its number may come back for another process. */
  ended(pid: number): void {
    if (this.#pids.delete(pid)) this.#target?.includeProcess(pid)
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
