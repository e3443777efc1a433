// The bytes of packages for agents.

import { createDistributed, storedTable } from "../cluster.ts"
import { packagePartTable } from "../sondeTables.ts"
import { createTable } from "../Table.ts"
import type { Migration } from "./Migration.ts"

export const packageParts: Migration = {
  version: 2,
  name: "package parts",
  stages: ({ cluster, retention }) => [
    [createTable(storedTable(packagePartTable, cluster), retention)],
    [createDistributed(packagePartTable, cluster) ?? []].flat(),
  ],
}
