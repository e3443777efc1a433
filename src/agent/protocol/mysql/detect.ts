// Does a run of bytes begin a MySQL packet? Strong signs are the greeting, the login and a command whose text begins like SQL;
// a lone PING or an answer is `unclear`.

import { isGreeting, isLogin } from "./login.ts"
import { shownCompression } from "./MysqlCompressed.ts"
import { latin1Text } from "../latin1.ts"
import { Evidence } from "../Protocol.ts"
import { isStatementWord, maxWord } from "../sql/words.ts"
import { Command, commandName, fitsCommand } from "./commands.ts"
import { Compression } from "./login.ts"
import { headerLength, u16, u24, u32 } from "./packet.ts"

const lookahead = 64

/** SQL at `start`: a known first word behind white space, parentheses and comments. */
const beginsStatement = (bytes: Uint8Array, start: number, end: number): boolean => {
  let at = start
  // Query attributes: none sent.
  if (at + 2 <= end && bytes[at] < 9 && bytes[at + 1] === 1) at += 2
  for (;;) {
    while (at < end && (bytes[at] <= 32 || bytes[at] === 40) && bytes[at] >= 9) at++
    if (at + 1 >= end || bytes[at] !== 47 || bytes[at + 1] !== 42) break
    const close = latin1Text(bytes, at, end).indexOf("*/", 2)
    // A long comment at the beginning: as good as a word.
    if (close < 0) return true
    at += close + 2
  }
  let stop = at
  while (stop < end && stop - at <= maxWord && (bytes[stop] | 32) >= 97 && (bytes[stop] | 32) <= 122) stop++
  if (stop < end && bytes[stop] > 32 && bytes[stop] !== 59 && bytes[stop] !== 40 && bytes[stop] < 128) {
    if (!(bytes[stop] === 42 || bytes[stop] === 96 || bytes[stop] === 39 || bytes[stop] === 47)) return false
  }
  return isStatementWord(latin1Text(bytes, at, stop).toUpperCase())
}

const detectCommand = (
  bytes: Uint8Array,
  start: number,
  stop: number,
  total: number,
  length: number,
): Evidence => {
  const at = start + headerLength
  const code = bytes[at]
  if (commandName(code) === undefined || !fitsCommand(code, length)) return Evidence.none
  // More than the packet: another must begin there.
  const next = start + headerLength + length
  if (next < start + total && next + 4 <= stop && bytes[next + 3] !== 0) return Evidence.none
  if (code === Command.query || code === Command.prepare) {
    if (at + 1 >= stop) return Evidence.unclear
    if (beginsStatement(bytes, at + 1, stop)) return Evidence.request
    return stop - at < 4 && next > start + total ? Evidence.unclear : Evidence.none
  }
  if (code === Command.execute && length >= 10 && stop - at >= 10) {
    const isExecution = bytes[at + 5] <= 8 && u32(bytes, at + 6) === 1
    return isExecution && next >= start + total ? Evidence.request : Evidence.none
  }
  return next === start + total ? Evidence.unclear : Evidence.none
}

export const detectMysql = (bytes: Uint8Array, start: number, end: number): Evidence => {
  const stop = Math.min(end, start + lookahead)
  const total = end - start
  if (total < headerLength + 1) return total === 0 ? Evidence.unclear : Evidence.none
  const length = u24(bytes, start)
  const sequence = bytes[start + 3]
  const at = start + headerLength
  if (length === 0) return Evidence.none
  if (sequence === 0) {
    if (isGreeting(bytes, at, stop, length))
      return total === headerLength + length ? Evidence.response : Evidence.unclear
    const command = detectCommand(bytes, start, stop, total, length)
    if (command !== Evidence.none) return command
  } else if (sequence <= 2 && isLogin(bytes, at, stop, length) && total <= headerLength + length)
    return Evidence.request
  if (shownCompression(bytes, start, stop) !== Compression.none) {
    const isCommand =
      sequence === 0 &&
      u24(bytes, start + 4) === 0 &&
      total === 7 + length &&
      beginsStatement(bytes, start + 12, stop)
    if (isCommand && bytes[start + 11] === Command.query) return Evidence.request
    return Evidence.unclear
  }
  // An OK or an error, alone.
  if (sequence === 1 && total === headerLength + length && stop - at >= 3) {
    if (bytes[at] === 0xff && u16(bytes, at + 1) >= 1000 && u16(bytes, at + 1) < 5000) return Evidence.unclear
    if (bytes[at] === 0 && length >= 7 && length < 64) return Evidence.unclear
  }
  return Evidence.none
}
