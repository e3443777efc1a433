// A step of the database's shape: forward only, each statement harmless when it was carried out before. A migration that was cut
// off is simply carried out again from its start.

import type { Retention } from "../Table.ts"

export interface Migration {
  readonly version: number
  readonly name: string
  readonly statements: (retention: Retention) => ReadonlyArray<string>
}
