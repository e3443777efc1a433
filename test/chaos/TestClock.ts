// A wall clock that jumps for one process, while its monotonic clock goes on (libfaketime): what a wrong clock that is corrected, or
// a virtual machine that moves, does to a program.

import { existsSync, rmSync, writeFileSync } from "node:fs"

const machine = process.arch === "arm64" ? "aarch64" : "x86_64"
const library = `/usr/lib/${machine}-linux-gnu/faketime/libfaketimeMT.so.1`

export const hasTestClock = existsSync(library)
if (!hasTestClock)
  console.warn(`SKIPPED: ${library} is missing (apt-get install faketime), so no clock jumps`)

export class TestClock {
  /** How far the clock is ahead of the true one. */
  offsetSeconds = 0
  readonly #file: string

  constructor(file: string) {
    this.#file = file
    this.jumpTo(0)
  }

  /** The process follows within a second, and so does one that begins later. */
  jumpTo(offsetSeconds: number): void {
    this.offsetSeconds = offsetSeconds
    writeFileSync(this.#file, `${offsetSeconds < 0 ? "" : "+"}${offsetSeconds}\n`)
  }

  /** Environment of a process under this clock. */
  get env(): Readonly<Record<string, string>> {
    if (!hasTestClock) return {}
    return {
      LD_PRELOAD: library,
      FAKETIME_TIMESTAMP_FILE: this.#file,
      FAKETIME_DONT_FAKE_MONOTONIC: "1",
      FAKETIME_DONT_RESET: "1",
      FAKETIME_CACHE_DURATION: "1",
      NO_FAKE_STAT: "1",
    }
  }

  /** Takes away what the library leaves in shared memory behind a process. */
  static clear(pid: number | undefined): void {
    if (!hasTestClock || pid === undefined) return
    for (const name of [`faketime_shm_${pid}`, `sem.faketime_sem_${pid}`])
      rmSync(`/dev/shm/${name}`, { force: true })
  }
}

/** "+2 h 05 min" */
export const offsetText = (seconds: number): string => {
  const minutes = Math.round(Math.abs(seconds) / 60)
  const hours = Math.floor(minutes / 60)
  return `${seconds < 0 ? "-" : "+"}${hours > 0 ? `${hours} h ` : ""}${minutes % 60} min`
}
