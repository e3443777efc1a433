// A step of the database's shape: forward only, each statement harmless when it was carried out before. A migration that was cut
// off is simply carried out again from its start.

import type { Shape } from "../statements.ts"

export interface Migration {
  readonly version: number
  readonly name: string
  /** Statements of one stage may run at the same time, a stage begins when the one before is done. */
  readonly stages: (shape: Shape) => ReadonlyArray<ReadonlyArray<string>>
}
