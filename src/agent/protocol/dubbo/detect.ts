// Does a run of bytes begin with a Dubbo message? Heartbeats and other events may come from either side.

import { Evidence } from "../Protocol.ts"
import { headerBytes, isEvent, isRequest, mayBeHeader, messageLength } from "./header.ts"

export const detectDubbo = (bytes: Uint8Array, start: number, end: number): Evidence => {
  if (start >= end) return Evidence.unclear
  if (end - start < headerBytes) return mayBeHeader(bytes, start, end) ? Evidence.unclear : Evidence.none
  if (messageLength(bytes, start) < 0) return Evidence.none
  if (isEvent(bytes, start)) return Evidence.either
  return isRequest(bytes, start) ? Evidence.request : Evidence.response
}
