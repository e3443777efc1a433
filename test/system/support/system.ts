// What the system tests need of the machine, and how they say that it is not there: skipped with the reason in the name.

import { existsSync } from "node:fs"
import { describe } from "vitest"

const lacking = (programs: ReadonlyArray<string>): ReadonlyArray<string> => [
  ...(process.getuid?.() === 0 ? [] : ["root"]),
  ...programs.filter((path) => !existsSync(path)),
]

/** A `describe` that needs root and these programs. */
export const describeSystem = (name: string, programs: ReadonlyArray<string>, body: () => void): void => {
  const missing = lacking(programs)
  if (missing.length > 0) console.warn(`SKIPPED ${name}: needs ${missing.join(", ")}`)
  describe.skipIf(missing.length > 0)(
    missing.length > 0 ? `${name} (skipped: needs ${missing.join(", ")})` : name,
    body,
  )
}
