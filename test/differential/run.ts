// Runs programs of a comparison; an error says what they printed.

import { spawnSync, type SpawnSyncOptions } from "node:child_process"

const limitMs = 60_000

/** Runs to the end and returns what was printed; a failure is an error unless `mayFail`. */
export const run = (
  program: string,
  args: ReadonlyArray<string>,
  options: SpawnSyncOptions & { readonly mayFail?: boolean } = {},
): string => {
  const { mayFail, ...rest } = options
  const { error, status, stderr, stdout } = spawnSync(program, args, {
    timeout: limitMs,
    maxBuffer: 256 * 1024 * 1024,
    ...rest,
    encoding: "utf8",
  })
  if (error !== undefined) throw error
  if (status !== 0 && mayFail !== true)
    throw new Error(`${program} ${args.join(" ")} ended with ${status}: ${stderr || stdout}`)
  return stdout
}

export const isThere = (program: string): boolean =>
  program.startsWith("/")
    ? spawnSync("test", ["-x", program]).status === 0
    : spawnSync("sh", ["-c", `command -v ${program}`]).status === 0
