import { setTimeout as sleep } from "node:timers/promises"
import { expect } from "vitest"
import type { Capturing } from "./capturing.ts"

/** Waits until the capture has looked at all processes, and this many files at least have their hooks. */
export const hooked = async (capturing: Capturing, files: number): Promise<void> => {
  const isReady = (): boolean => {
    const { tls_files: hookedFiles = 0, probes_waiting: waiting = 1 } = capturing.stats()
    return hookedFiles >= files && waiting === 0
  }
  for (let i = 0; i < 400 && !isReady(); i++) await sleep(50)
  expect(capturing.stats()["tls_files"]).toBeGreaterThanOrEqual(files)
}
