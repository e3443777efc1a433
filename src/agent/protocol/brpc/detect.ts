// Does a run of bytes begin with a baidu_std message? The first field of its RpcMeta says which side sent it.

import { Evidence } from "../Protocol.ts"
import { frameBytes, headerBytes, isStream, mayBeHeader, metaLength } from "./header.ts"

/** Fields 1 (request) and 2 (response) of RpcMeta, both of bytes. */
const requestTag = 0x0a
const responseTag = 0x12

export const detectBrpc = (bytes: Uint8Array, start: number, end: number): Evidence => {
  if (start >= end) return Evidence.unclear
  if (end - start <= headerBytes) return mayBeHeader(bytes, start, end) ? Evidence.unclear : Evidence.none
  if (frameBytes(bytes, start) < 0) return Evidence.none
  if (isStream(bytes, start)) return Evidence.either
  if (metaLength(bytes, start) === 0) return Evidence.none
  const tag = bytes[start + headerBytes]
  if (tag === requestTag) return Evidence.request
  return tag === responseTag ? Evidence.response : Evidence.unclear
}
