// CPU and memory of this process and of its threads, from one measurement to the next.

import type { CaptureCost } from "../capture/messages.ts"

export interface ProcessUse {
  /** Shares of one processor since the last measurement: of all threads, of the main thread, of the capture worker. */
  readonly cpu: number
  readonly main: number
  readonly worker: number
  readonly residentBytes: number
}

/** The mean of some of them, which come from clocks that are not read at once. */
export const meanUse = (uses: ReadonlyArray<ProcessUse>): ProcessUse => {
  const mean = (read: (use: ProcessUse) => number): number =>
    uses.reduce((sum, use) => sum + read(use), 0) / Math.max(1, uses.length)
  return {
    cpu: mean(({ cpu }) => cpu),
    main: mean(({ main }) => main),
    worker: mean(({ worker }) => worker),
    residentBytes: uses.at(-1)?.residentBytes ?? 0,
  }
}

const us = ({ system, user }: NodeJS.CpuUsage): number => system + user

export class ProcessUsage {
  #atMs: number
  #processUs = us(process.cpuUsage())
  #mainUs = us(process.threadCpuUsage())
  #workerUs = 0

  constructor(nowMs: number) {
    this.#atMs = nowMs
  }

  /** `worker`: what it last told; undefined while there is none. */
  measure(nowMs: number, worker: CaptureCost | undefined): ProcessUse {
    const elapsedUs = Math.max(1, nowMs - this.#atMs) * 1_000
    const processUs = us(process.cpuUsage())
    const mainUs = us(process.threadCpuUsage())
    const workerUs = worker?.threadUs ?? 0
    const use = {
      cpu: (processUs - this.#processUs) / elapsedUs,
      main: (mainUs - this.#mainUs) / elapsedUs,
      // Another worker counts from 0 again.
      worker: (workerUs >= this.#workerUs ? workerUs - this.#workerUs : workerUs) / elapsedUs,
      residentBytes: process.memoryUsage.rss(),
    }
    this.#atMs = nowMs
    this.#processUs = processUs
    this.#mainUs = mainUs
    this.#workerUs = workerUs
    return use
  }
}
