// Whether a connection may speak for an agent: over TLS only one whose certificate names it.

import type { Peer } from "../../runtime/rpc/Peer.ts"
import { AgentRefused } from "../../wire/control/AgentRpc.ts"

/** Undefined: it may. */
export const identityRefusal = (
  agent: string,
  { identity, isRevoked, isTls, problem }: Peer,
): AgentRefused | undefined => {
  const { kind, name } = identity
  if (!isTls || (kind === "agent" && name === agent)) return undefined
  const found = kind === "none" ? "there is none" : `it is that of ${kind} ${name}`
  return new AgentRefused({
    reason: isRevoked === true ? "revoked" : "identity",
    message: problem ?? `expected the certificate of agent ${agent}, ${found}: enrol with a token`,
    retryAfterMs: 60_000,
  })
}
