// The 8 bytes in front of a KRPC message (bruceran/krpc):
//
//   0 "KR"   2 length of the RpcMeta   4 length of RpcMeta and body

import { mayBeginWith, u16At, u32At } from "../framed/ByteReader.ts"

export const headerBytes = 8
const magic = 0x4b52
const magicBytes = [0x4b, 0x52]
/** KRPC's own default is 1 MB. */
const maxLength = 64 * 1024 * 1024
/** A direction and two numbers. */
const minMeta = 4

export const metaLength = (bytes: Uint8Array, at: number): number => u16At(bytes, at + 2)

/** Length of the message that begins at `at` with a whole header; -1 when it is none. */
export const messageLength = (bytes: Uint8Array, at: number): number => {
  const length = u32At(bytes, at + 4)
  const meta = metaLength(bytes, at)
  const isFine = u16At(bytes, at) === magic && meta >= minMeta && meta <= length && length <= maxLength
  return isFine ? headerBytes + length : -1
}

/** Whether bytes[at, end), fewer than a header, may begin one. */
export const mayBeHeader = (bytes: Uint8Array, at: number, end: number): boolean =>
  mayBeginWith(bytes, at, end, magicBytes)
