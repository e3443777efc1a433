// Does a run of bytes begin a PostgreSQL message? One byte of type and a length are little: strong signs are a startup, a
// statement that begins like SQL, or two messages that follow each other as the protocol says.

import { u32At } from "../framed/ByteReader.ts"
import { latin1Text } from "../latin1.ts"
import { Evidence } from "../Protocol.ts"
import { isStatementWord, maxWord } from "../sql/words.ts"
import { bodyLength, isClientType, isServerType, nulAt, StartCode } from "./messages.ts"

const lookahead = 64
const header = 5

const letter = (name: string): number => name.charCodeAt(0)

const beginsStatement = (bytes: Uint8Array, start: number, end: number): boolean => {
  let at = start
  for (;;) {
    while (at < end && (bytes[at] === 40 || (bytes[at] <= 32 && bytes[at] >= 9))) at++
    if (at + 1 >= end || bytes[at] !== 47 || bytes[at + 1] !== 42) break
    const close = latin1Text(bytes, at, end).indexOf("*/", 2)
    if (close < 0) return true
    at += close + 2
  }
  if (at + 1 < end && bytes[at] === 45 && bytes[at + 1] === 45) return true
  let stop = at
  while (stop < end && stop - at <= maxWord && (bytes[stop] | 32) >= 97 && (bytes[stop] | 32) <= 122) stop++
  return isStatementWord(latin1Text(bytes, at, stop).toUpperCase())
}

const detectStart = (bytes: Uint8Array, start: number, stop: number, total: number): Evidence => {
  if (total < 8) return Evidence.none
  const length = u32At(bytes, start)
  const code = u32At(bytes, start + 4)
  if (code === StartCode.ssl || code === StartCode.gss) return length === 8 ? Evidence.request : Evidence.none
  if (code === StartCode.cancel) return length >= 16 && length <= 272 ? Evidence.request : Evidence.none
  if (code !== StartCode.version3 && code !== StartCode.version32) return Evidence.none
  if (length < 16 || length > 10_000 || total > length) return Evidence.none
  for (let i = start + 8; i < Math.min(stop, start + 12); i++)
    if (bytes[i] < 0x5f || bytes[i] > 0x7a) return Evidence.none
  return Evidence.request
}

/** Length of the message of this side at `at`, 0 when it is none. */
const lengthAt = (bytes: Uint8Array, at: number, stop: number, isClient: boolean): number => {
  if (at + header > stop || !(isClient ? isClientType(bytes[at]) : isServerType(bytes[at]))) return 0
  const length = u32At(bytes, at + 1)
  if (length < 4 || length > 0x1000000) return 0
  const fixed = isClient ? -1 : bodyLength(bytes[at])
  if (fixed >= 0 && fixed !== length - 4) return 0
  if (isClient && (bytes[at] === letter("S") || bytes[at] === letter("H")) && length !== 4) return 0
  return length + 1
}

const detectClient = (bytes: Uint8Array, start: number, stop: number, end: number): Evidence => {
  const length = lengthAt(bytes, start, stop, true)
  if (length === 0) return Evidence.none
  const next = start + length
  const at = start + header
  switch (bytes[start]) {
    case letter("Q"):
      if (next > end || !beginsStatement(bytes, at, stop))
        return next > end && beginsStatement(bytes, at, stop) ? Evidence.request : Evidence.none
      return next > stop || bytes[next - 1] === 0 ? Evidence.request : Evidence.none
    case letter("P"): {
      const textAt = nulAt(bytes, at, stop) + 1
      return textAt < stop && beginsStatement(bytes, textAt, stop) ? Evidence.request : Evidence.none
    }
    case letter("B"): {
      // Portal, statement, formats, parameters; then Describe or Execute.
      if (nulAt(bytes, nulAt(bytes, at, stop) + 1, stop) === stop) return Evidence.none
      if (next + header > stop) return next >= end ? Evidence.unclear : Evidence.none
      const follows = bytes[next] === letter("E") || bytes[next] === letter("D")
      return follows && lengthAt(bytes, next, stop, true) > 0 ? Evidence.request : Evidence.none
    }
    default:
      return Evidence.none
  }
}

const detectServer = (bytes: Uint8Array, start: number, stop: number, end: number): Evidence => {
  const length = lengthAt(bytes, start, stop, false)
  if (length === 0) return Evidence.none
  const next = start + length
  switch (bytes[start]) {
    case letter("R"): {
      const method = start + 9 <= stop ? u32At(bytes, start + header) : 99
      if (method > 12 || length > 200) return Evidence.none
      if (method === 0 && length !== 9) return Evidence.none
      return next === end || (next < end && (next >= stop || isServerType(bytes[next])))
        ? Evidence.response
        : Evidence.none
    }
    case letter("1"):
    case letter("2"):
    case letter("3"):
      if (next === end) return Evidence.unclear
      return lengthAt(bytes, next, stop, false) > 0 ? Evidence.response : Evidence.none
    case letter("T"):
      return length > 9 && next <= end && next + header <= stop && lengthAt(bytes, next, stop, false) > 0
        ? Evidence.response
        : Evidence.none
    case letter("C"): {
      const isTag = /^[A-Z][A-Z ]+[0-9 ]*\0$/.test(latin1Text(bytes, start + header, Math.min(next, stop)))
      if (!isTag || next + 6 > stop) return Evidence.none
      return bytes[next] === letter("Z") && lengthAt(bytes, next, stop, false) === 6
        ? Evidence.response
        : Evidence.none
    }
    case letter("E"): {
      const isError = /^S(?:ERROR|FATAL|PANIC)\0/.test(latin1Text(bytes, start + header, stop))
      return isError ? Evidence.response : Evidence.none
    }
    default:
      return Evidence.none
  }
}

export const detectPostgresql = (bytes: Uint8Array, start: number, end: number): Evidence => {
  const stop = Math.min(end, start + lookahead)
  if (stop === start) return Evidence.unclear
  if (bytes[start] === 0) return detectStart(bytes, start, stop, end - start)
  const request = detectClient(bytes, start, stop, end)
  return request === Evidence.none ? detectServer(bytes, start, stop, end) : request
}
