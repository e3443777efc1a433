// The records of FastCGI 1.0: version, type, request id, length of the content, length of the padding, a reserved byte.

import { u16At } from "../framed/ByteReader.ts"

export const headerLength = 8

export const Type = {
  beginRequest: 1,
  abortRequest: 2,
  endRequest: 3,
  params: 4,
  stdin: 5,
  stdout: 6,
  stderr: 7,
  data: 8,
  getValues: 9,
  getValuesResult: 10,
  unknownType: 11,
} as const

/** Types that the web server sends; all others are the application's. */
const toApplication = new Set<number>([
  Type.beginRequest,
  Type.abortRequest,
  Type.params,
  Type.stdin,
  Type.data,
  Type.getValues,
])

/** Protocol status of END_REQUEST. */
export const statusNames = ["", "FCGI_CANT_MPX_CONN", "FCGI_OVERLOADED", "FCGI_UNKNOWN_ROLE"]
export const overloaded = 2

export const contentLength = (bytes: Uint8Array, at: number): number => u16At(bytes, at + 4)

export const requestId = (bytes: Uint8Array, at: number): number => u16At(bytes, at + 2)

/** Whether a whole header at `at` may be that of a record of this direction. */
export const mayBeRecord = (bytes: Uint8Array, at: number, isToServer: boolean): boolean => {
  const type = bytes[at + 1]
  if (bytes[at] !== 1 || type < Type.beginRequest || type > Type.unknownType) return false
  if (toApplication.has(type) !== isToServer) return false
  const isManagement = type >= Type.getValues
  if (isManagement !== (requestId(bytes, at) === 0)) return false
  return (type !== Type.beginRequest && type !== Type.endRequest) || contentLength(bytes, at) === 8
}
