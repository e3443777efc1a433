// The login of MySQL: what the greeting and the client's answer to it say of the connection.

import { utf8Text } from "../latin1.ts"
import { nulAt, numberAt, numberSize, u16, u32 } from "./packet.ts"

const Capability = {
  connectWithDb: 1 << 3,
  compress: 1 << 5,
  protocol41: 1 << 9,
  ssl: 1 << 11,
  secureConnection: 1 << 15,
  lengthEncodedAuth: 1 << 21,
  zstd: 1 << 26,
} as const

/** Bytes of the client's packet before the user's name; a request for TLS is these alone. */
const fixedPart = 32
const maxName = 128

export const Compression = { none: 0, zlib: 1, zstd: 2 } as const
export type Compression = (typeof Compression)[keyof typeof Compression]

export interface Login {
  readonly isTlsRequest: boolean
  readonly compression: Compression
  readonly user: string
  readonly database: string
}

/** A greeting of protocol version 10: version text, connection number, 8 bytes of challenge and a zero. */
export const isGreeting = (bytes: Uint8Array, start: number, end: number, length: number): boolean => {
  if (length < 32 || length > 400 || bytes[start] !== 10 || start + 3 > end) return false
  const stop = nulAt(bytes, start + 1, end)
  if (stop === start + 1 || stop - start > 60) return false
  for (let i = start + 1; i < stop; i++) if (bytes[i] < 0x20 || bytes[i] > 0x7e) return false
  if (bytes[start + 1] < 48 || bytes[start + 1] > 57) return false
  return stop === end || stop + 13 >= end || bytes[stop + 13] === 0
}

export const serverVersion = (bytes: Uint8Array, start: number, end: number): string =>
  utf8Text(bytes, start + 1, nulAt(bytes, start + 1, Math.min(end, start + 1 + maxName)))

/** Whether bytes[start, end) of a payload of `length` bytes look like the client's answer to a greeting. */
export const isLogin = (bytes: Uint8Array, start: number, end: number, length: number): boolean => {
  if (length < fixedPart || length > 4096 || end - start < fixedPart) return false
  if ((u16(bytes, start) & Capability.protocol41) === 0) return false
  // 19 reserved bytes; MariaDB uses the 4 behind them.
  for (let i = start + 9; i < start + 28; i++) if (bytes[i] !== 0) return false
  return length === fixedPart ? (u16(bytes, start) & Capability.ssl) !== 0 : end > start + fixedPart
}

const nameAt = (bytes: Uint8Array, start: number, end: number): string =>
  start < end ? utf8Text(bytes, start, nulAt(bytes, start, Math.min(end, start + maxName))) : ""

export const readLogin = (bytes: Uint8Array, start: number, end: number, length: number): Login => {
  const capabilities = u32(bytes, start)
  const compression =
    (capabilities & Capability.compress) !== 0
      ? Compression.zlib
      : (capabilities & Capability.zstd) !== 0
        ? Compression.zstd
        : Compression.none
  const userAt = start + fixedPart
  const userEnd = nulAt(bytes, userAt, end)
  let at = userEnd + 1
  if ((capabilities & Capability.lengthEncodedAuth) !== 0)
    at += at < end ? numberSize(bytes[at]) + numberAt(bytes, at, end) : 0
  else if ((capabilities & Capability.secureConnection) !== 0) at += at < end ? 1 + bytes[at] : 0
  else at = nulAt(bytes, at, end) + 1
  const hasDatabase = (capabilities & Capability.connectWithDb) !== 0
  return {
    isTlsRequest: length === fixedPart && (capabilities & Capability.ssl) !== 0,
    compression,
    user: nameAt(bytes, userAt, end),
    database: hasDatabase ? nameAt(bytes, at, end) : "",
  }
}

/** COM_CHANGE_USER: user, answer to the challenge, database. */
export const readChangeUser = (bytes: Uint8Array, start: number, end: number): Login => {
  const authAt = nulAt(bytes, start, end) + 1
  const databaseAt = authAt < end ? authAt + 1 + bytes[authAt] : end
  return {
    isTlsRequest: false,
    compression: Compression.none,
    user: nameAt(bytes, start, end),
    database: nameAt(bytes, databaseAt, end),
  }
}

export const loginLine = (login: Login): string =>
  `Login username: ${login.user}${login.database === "" ? "" : ` db: ${login.database}`}`
