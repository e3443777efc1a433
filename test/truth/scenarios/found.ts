// Where a program of the machine is.

import { existsSync } from "node:fs"
import { delimiter, join } from "node:path"

/** The program's path: in a folder of PATH, or else in one of these; empty: in none. */
export const found = (program: string, ...more: ReadonlyArray<string>): string =>
  [...(process.env["PATH"] ?? "").split(delimiter), ...more]
    .map((folder) => join(folder, program))
    .find((path) => existsSync(path)) ?? ""
