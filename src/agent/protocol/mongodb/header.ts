// The header of MongoDB's wire protocol: length, request id, id of the request that is answered, operation; little-endian.

import { i32, u32 } from "./BsonReader.ts"

export const headerLength = 16

export const Operation = {
  reply: 1,
  update: 2001,
  insert: 2002,
  query: 2004,
  getMore: 2005,
  delete: 2006,
  killCursors: 2007,
  compressed: 2012,
  msg: 2013,
} as const

const names: Record<number, string> = {
  1: "OP_REPLY",
  2001: "OP_UPDATE",
  2002: "OP_INSERT",
  2004: "OP_QUERY",
  2005: "OP_GET_MORE",
  2006: "OP_DELETE",
  2007: "OP_KILL_CURSORS",
  2012: "OP_COMPRESSED",
  2013: "OP_MSG",
}

export const operationName = (operation: number): string | undefined => names[operation]

/** maxMessageSizeBytes of all servers, and some more. */
const maxLength = 64 * 1024 * 1024

/** Length of the message that begins at `at` with a whole header; -1 when it is none. */
export const messageLength = (bytes: Uint8Array, at: number): number => {
  const length = u32(bytes, at)
  const isFine = length > headerLength && length <= maxLength && names[i32(bytes, at + 12)] !== undefined
  return isFine ? length : -1
}
