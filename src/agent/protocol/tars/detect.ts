// Does a run of bytes begin with a Tars packet? Its first fields have fixed tags, and the fifth says which packet it is.

import { Evidence } from "../Protocol.ts"
import { isTup, Kind, kindOf } from "./TarsPacket.ts"

const lookahead = 64

const evidences = {
  [Kind.none]: Evidence.none,
  [Kind.unclear]: Evidence.unclear,
  [Kind.request]: Evidence.request,
  [Kind.response]: Evidence.response,
} as const

export const detectTars = (bytes: Uint8Array, start: number, end: number): Evidence => {
  const kind = kindOf(bytes, start, Math.min(end, start + lookahead))
  // TUP answers with the packet of requests.
  return kind === Kind.request && isTup(bytes, start) ? Evidence.either : evidences[kind]
}
