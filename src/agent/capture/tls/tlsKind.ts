// TLS libraries as files to be hooked, and what is said of them.

import type { Feature } from "../../../model/AgentStatus.ts"
import type { Reason } from "../native/privileges.ts"
import { probeFeature, type ProbeKind } from "../probes/LibraryProbes.ts"
import { linkedTlsLibraries } from "./linkedLibraries.ts"
import { findTlsLibrary } from "./tlsLibraries.ts"

export const tlsKind: ProbeKind = {
  feature: "encrypted traffic (TLS)",
  name: "tls",
  lacks: (file) => `TLS of ${file} is not read`,
  find: findTlsLibrary,
  linked: linkedTlsLibraries,
}

/** Off for this reason. */
export const tlsOff = (reason: Reason): Feature => probeFeature(tlsKind.feature, "", reason)

/** On kernels that only take the programs for old ones. */
export const tlsCompat = tlsOff({
  missing: "not read by the programs for old kernels, which do not tell which socket carries a session",
  next: "use a newer kernel, or give the types of this one in a file (docs/kernels.md)",
})
