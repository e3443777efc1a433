// A lock that ends with this process, however it ends: flock(2) on a file that stays open. Node has no call for it; the lock belongs
// to the open file, so that `flock` (util-linux, busybox) can take it on a descriptor that we share with it.

import { spawnSync } from "node:child_process"
import { closeSync, ftruncateSync, openSync, readFileSync, writeSync } from "node:fs"

export type FileLock =
  | { readonly kind: "held"; readonly close: () => void }
  /** `holder`: number of the process that has it, as it wrote there; empty: not known. */
  | { readonly kind: "taken"; readonly holder: string }
  | { readonly kind: "no flock" }

const timeoutMs = 5_000

export const takeFileLock = (path: string): FileLock => {
  const descriptor = openSync(path, "a", 0o600)
  const { error, status } = spawnSync("flock", ["-x", "-n", "3"], {
    stdio: ["ignore", "ignore", "ignore", descriptor],
    timeout: timeoutMs,
  })
  if (error === undefined && status === 0) {
    ftruncateSync(descriptor, 0)
    writeSync(descriptor, `${process.pid}\n`)
    return { kind: "held", close: () => closeSync(descriptor) }
  }
  closeSync(descriptor)
  if (error !== undefined) return { kind: "no flock" }
  const [holder = ""] = /^[0-9]+/.exec(readFileSync(path, "latin1")) ?? []
  return { kind: "taken", holder }
}
