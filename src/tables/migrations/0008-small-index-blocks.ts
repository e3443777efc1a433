// A look for one id unpacks one granule of the index and not those of its neighbours.

import { storedTable } from "../cluster.ts"
import { spanIndex } from "../spanIndex.ts"
import { modifySetting } from "../Table.ts"
import type { Migration } from "./Migration.ts"

export const smallIndexBlocks: Migration = {
  version: 8,
  name: "small index blocks",
  stages: ({ cluster }) => [[modifySetting(storedTable(spanIndex, cluster), "min_compress_block_size")]],
}
