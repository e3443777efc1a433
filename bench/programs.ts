// Small programs in C that benchmarks drive, compiled where they are needed.

import { execFileSync, spawn } from "node:child_process"
import { once } from "node:events"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { listPids, readComm } from "../src/agent/process/procfs.ts"

export interface Compiled {
  readonly path: string
  readonly remove: () => void
}

/** `name`.c of this folder, as a program of this name. */
export const compiled = (name: string): Compiled => {
  const folder = mkdtempSync(join(tmpdir(), `sonde-${name}-`))
  const path = join(folder, name)
  const source = fileURLToPath(new URL(`${name}.c`, import.meta.url))
  execFileSync("clang", ["-O2", "-Wall", "-o", path, source])
  return { path, remove: () => rmSync(folder, { recursive: true, force: true }) }
}

/** Starts a program of `compiled`; its first line, and what ends it: that its input does. */
export const startProgram = async (
  name: string,
  ...args: ReadonlyArray<string>
): Promise<{ readonly line: string; readonly stop: () => Promise<void> }> => {
  const { path, remove } = compiled(name)
  const child = spawn(path, args, { stdio: ["pipe", "pipe", "inherit"], detached: true })
  const ended = once(child, "exit")
  const [line] = (await Promise.race([
    once(child.stdout, "data"),
    ended.then(() => Promise.reject(new Error(`${name} ended`))),
  ])) as [Buffer]
  return {
    line: line.toString().trim(),
    stop: async () => {
      child.stdin.end()
      await ended
      remove()
    },
  }
}

/** Processes that hold sockets and do nothing, until they are stopped. */
export const startCrowd = async (processes: number, sockets: number): Promise<() => Promise<void>> =>
  (await startProgram("crowd", String(processes), String(sockets))).stop

/** Kernel names of what else runs on this machine: left alone, so that it does not count. */
export const othersThan = (own: ReadonlyArray<string>): ReadonlyArray<string> =>
  [...new Set(listPids().map(readComm))].filter((name) => /^[\w.:-]+$/.test(name) && !own.includes(name))
