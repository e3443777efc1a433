// Does a run of bytes begin with a ZMTP greeting? Only that: a frame is a flag and a length, which may be anything.

import { Evidence } from "../Protocol.ts"
import { isSignature } from "./frames.ts"

const lookahead = 64
/** The signature and the major version. */
const enough = 11

export const detectZmtp = (bytes: Uint8Array, start: number, end: number): Evidence => {
  const stop = Math.min(end, start + lookahead)
  if (stop <= start) return Evidence.unclear
  if (!isSignature(bytes, start, stop)) return Evidence.none
  // Peers send the signature alone at first.
  return stop - start >= enough ? Evidence.either : Evidence.unclear
}
