// Does a run of bytes begin a RESP message? Weak signs (`+OK`, `-ERR`, a bare PING) are `unclear`: POP3 and NATS say the same.

import { latin1Text } from "../latin1.ts"
import { Evidence } from "../Protocol.ts"
import { isKnownCommand } from "./commands.ts"
import { RespType } from "./RespType.ts"

const lookahead = 64
const maxCommand = 24
const LF = 10
const CR = 13

const isDigit = (c: number): boolean => c >= 48 && c <= 57

/**
 * Reads `number CRLF` at `at`: returns the position after it, 0 when the bytes end too early, -1 when they are something else.
 */
const numberLine = (bytes: Uint8Array, at: number, end: number, allowsMinus: boolean): number => {
  let i = at
  if (i < end && allowsMinus && bytes[i] === 45) i++
  const digitsAt = i
  while (i < end && isDigit(bytes[i]) && i - digitsAt < 19) i++
  if (i === end) return 0
  if (i === digitsAt || bytes[i] !== CR) return -1
  if (i + 1 === end) return 0
  return bytes[i + 1] === LF ? i + 2 : -1
}

const isCommandAt = (bytes: Uint8Array, start: number, end: number): boolean =>
  isKnownCommand(latin1Text(bytes, start, end).toUpperCase())

/** Confirmations of a subscription have the form of the request; in upper case they are one. */
const isSubscription = (bytes: Uint8Array, start: number, end: number): boolean =>
  latin1Text(bytes, start, end).endsWith("subscribe")

const detectArray = (bytes: Uint8Array, start: number, end: number): Evidence => {
  const elementAt = numberLine(bytes, start + 1, end, true)
  if (elementAt < 0) return Evidence.none
  if (elementAt === 0) return Evidence.unclear
  if (bytes[start + 1] === 45 || bytes[start + 1] === 48)
    return elementAt === end ? Evidence.unclear : Evidence.none
  if (elementAt === end) return Evidence.unclear
  if (bytes[elementAt] !== RespType.bulk)
    return isReplyType(bytes[elementAt]) ? Evidence.response : Evidence.none
  const textAt = numberLine(bytes, elementAt + 1, end, true)
  if (textAt <= 0) return textAt < 0 ? Evidence.none : Evidence.unclear
  let length = 0
  for (let i = elementAt + 1; isDigit(bytes[i]); i++) length = length * 10 + bytes[i] - 48
  if (length === 0 || length > maxCommand || textAt + length > end) return Evidence.unclear
  if (!isCommandAt(bytes, textAt, textAt + length)) return Evidence.unclear
  return isSubscription(bytes, textAt, textAt + length) ? Evidence.unclear : Evidence.request
}

const isReplyType = (c: number): boolean =>
  c === RespType.simple ||
  c === RespType.error ||
  c === RespType.integer ||
  c === RespType.array ||
  c === RespType.map ||
  c === RespType.set ||
  c === RespType.nothing ||
  c === RespType.boolean ||
  c === RespType.double ||
  c === RespType.verbatim

const detectLine = (bytes: Uint8Array, start: number, end: number): Evidence => {
  let i = start + 1
  while (i < end && bytes[i] >= 32 && bytes[i] < 127) i++
  if (i < end && bytes[i] !== CR) return Evidence.none
  const first = bytes[start + 1]
  // Errors begin with a word in capitals, simple strings with a letter.
  if (
    end - start > 1 &&
    !(first >= 65 && first <= 90) &&
    !(bytes[start] === 43 && first >= 97 && first <= 122)
  ) {
    return Evidence.none
  }
  return latin1Text(bytes, start, end).startsWith("+PONG\r\n") ? Evidence.response : Evidence.unclear
}

const detectInline = (bytes: Uint8Array, start: number, end: number): Evidence => {
  let i = start
  while (i < end && i - start < maxCommand && (bytes[i] | 32) >= 97 && (bytes[i] | 32) <= 122) i++
  if (i === end) return Evidence.unclear
  return (bytes[i] === 32 || bytes[i] === CR || bytes[i] === LF) &&
    isCommandAt(bytes, start, i) &&
    !latin1Text(bytes, start, end).includes(" HTTP/")
    ? Evidence.unclear
    : Evidence.none
}

export const detectRedis = (bytes: Uint8Array, start: number, end: number): Evidence => {
  const stop = Math.min(end, start + lookahead)
  if (stop <= start) return Evidence.unclear
  const type = bytes[start]
  switch (type) {
    case RespType.array:
      return detectArray(bytes, start, stop)
    case RespType.simple:
    case RespType.error:
      return detectLine(bytes, start, stop)
    case RespType.bulk:
    case RespType.integer:
    case RespType.map:
    case RespType.set:
    case RespType.push: {
      const after = numberLine(bytes, start + 1, stop, type === RespType.bulk || type === RespType.integer)
      if (after <= 0) return after < 0 ? Evidence.none : Evidence.unclear
      return Evidence.response
    }
    default:
      return (type | 32) >= 97 && (type | 32) <= 122 ? detectInline(bytes, start, stop) : Evidence.none
  }
}

/** Weaker than detection, for a connection known to be Redis: may these bytes begin a message of this direction? */
export const mayBeginMessage = (
  bytes: Uint8Array,
  start: number,
  end: number,
  isRequest: boolean,
): boolean => {
  const type = bytes[start]
  if (isRequest) {
    const evidence = detectRedis(bytes, start, end)
    return type === RespType.array && evidence !== Evidence.none && evidence !== Evidence.response
  }
  const stop = Math.min(end, start + lookahead)
  switch (type) {
    case RespType.simple:
    case RespType.error:
      return detectLine(bytes, start, stop) !== Evidence.none
    case RespType.array:
      return detectArray(bytes, start, stop) !== Evidence.none || numberLine(bytes, start + 1, stop, true) > 0
    case RespType.bulk:
    case RespType.integer:
    case RespType.map:
    case RespType.set:
    case RespType.push:
    case RespType.verbatim:
    case RespType.bulkError:
      return numberLine(bytes, start + 1, stop, type === RespType.bulk || type === RespType.integer) >= 0
    case RespType.nothing:
      return bytes[start + 1] === CR
    default:
      return false
  }
}
