// Packets as a source, for hosts whose kernel or privileges do not allow system calls to be watched.

import type { Feature } from "../../model/AgentStatus.ts"
import type { Addon } from "./native/Addon.ts"
import type { Opened, SourceContext } from "./Source.ts"

export const probePackets = (_addon: Addon): Feature => ({
  name: "packets",
  on: false,
  hook: "",
  missing: "not wired yet",
  next: "",
})

export const openPacketSource = async (
  _context: SourceContext,
  _betterRefused: ReadonlyArray<Feature>,
): Promise<Opened> => ({
  refused: [{ name: "packets", on: false, hook: "", missing: "not wired yet", next: "" }],
})
