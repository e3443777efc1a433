// Deliberate differences of the RPC protocols; see differences.ts.

import type { Difference } from "./differences.ts"

export const rpcDifferences: ReadonlyArray<Difference> = [
  {
    file: "tars/tars-echo",
    lines: [1, 3],
    key: "response_code",
    ours: 0,
    reason: "The number on the wire instead of its name.",
  },
]
