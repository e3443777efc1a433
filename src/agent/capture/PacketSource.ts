// Packets as a source, for hosts whose kernel or privileges do not allow system calls to be watched.

import type { Feature } from "../../model/AgentStatus.ts"
import type { Opened, SourceContext } from "./Source.ts"

export const openPacketSource = async (
  _context: SourceContext,
  _betterRefused: ReadonlyArray<Feature>,
): Promise<Opened> => ({
  refused: [{ name: "packets", on: false, hook: "", missing: "not wired yet", next: "" }],
})
