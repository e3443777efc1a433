// The 12 bytes in front of a baidu_std message, and of a frame of bRPC's streams on the same connection:
//
//   0 magic "PRPC", "STRM"   4 length of the body (what follows the header)   8 length of the RpcMeta at its beginning

import { mayBeginWith, u32At } from "../framed/ByteReader.ts"

export const headerBytes = 12
const callMagic = 0x50525043
const streamMagic = 0x5354524d
/** bRPC's default limit of a body is 64 MiB (max_body_size). */
const maxBody = 0x1000_0000
const maxMeta = 0x10_0000

export const isStream = (bytes: Uint8Array, at: number): boolean => u32At(bytes, at) === streamMagic

export const metaLength = (bytes: Uint8Array, at: number): number => u32At(bytes, at + 8)

/** Length of the frame that begins at `at` with a whole header; -1 when it is none. */
export const frameBytes = (bytes: Uint8Array, at: number): number => {
  const magic = u32At(bytes, at)
  if (magic !== callMagic && magic !== streamMagic) return -1
  const body = u32At(bytes, at + 4)
  const meta = metaLength(bytes, at)
  return body <= maxBody && meta <= body && meta <= maxMeta ? headerBytes + body : -1
}

const magics = [
  [0x50, 0x52, 0x50, 0x43],
  [0x53, 0x54, 0x52, 0x4d],
]

/** Whether bytes[at, end), fewer than a header, may begin one. */
export const mayBeHeader = (bytes: Uint8Array, at: number, end: number): boolean =>
  magics.some((magic) => mayBeginWith(bytes, at, end, magic))
