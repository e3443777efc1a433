// Does a run of bytes begin with a KRPC message? Its RpcMeta begins with the direction, and a service's number follows.

import { Evidence } from "../Protocol.ts"
import { headerBytes, mayBeHeader, messageLength } from "./header.ts"

const directionTag = 0x08
const serviceTag = 0x10
const request = 1
const response = 2

export const detectKrpc = (bytes: Uint8Array, start: number, end: number): Evidence => {
  if (start >= end) return Evidence.unclear
  if (end - start < headerBytes + 3) {
    const isHeader = end - start < headerBytes || messageLength(bytes, start) >= 0
    return isHeader && mayBeHeader(bytes, start, end) ? Evidence.unclear : Evidence.none
  }
  if (messageLength(bytes, start) < 0 || bytes[start + headerBytes] !== directionTag) return Evidence.none
  if (bytes[start + headerBytes + 2] !== serviceTag) return Evidence.none
  const direction = bytes[start + headerBytes + 1]
  if (direction === request) return Evidence.request
  return direction === response ? Evidence.response : Evidence.none
}
