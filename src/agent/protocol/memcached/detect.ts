// Does a run of bytes begin a Memcached message? Text commands are in small letters, with a shape for each; a bare word
// (`version`, `END`) is `unclear`.

import { noFrame, undecided } from "../framed/FramedConnection.ts"
import { u16At } from "../framed/ByteReader.ts"
import { latin1Text } from "../latin1.ts"
import { Evidence } from "../Protocol.ts"
import { binaryLength, requestMagic, responseMagic } from "./MemcachedBinary.ts"

const lookahead = 64

const key = "[!-~\\x80-\\xff]{1,250}"
/** The whole line, or its beginning when the look ends in it. */
const request = new RegExp(
  `^(?:gets? ${key}(?: ${key})*(?: ?\\r?\\n|$)` +
    `|gats? \\d+ ${key}` +
    `|(?:set|add|replace|append|prepend|cas) ${key} \\d+ -?\\d+ \\d+(?: \\d+)?(?: noreply)?(?: ?\\r?\\n|$)` +
    `|delete ${key}(?: 0)?(?: noreply)? ?\\r?\\n` +
    `|(?:incr|decr) ${key} \\d+(?: noreply)? ?\\r?\\n` +
    `|touch ${key} -?\\d+(?: noreply)? ?\\r?\\n` +
    `|(?:mg|md|ma) ${key}(?: [A-Za-z][!-~]*)* ?\\r\\n` +
    `|ms ${key} \\d+(?: [A-Za-z][!-~]*)* ?\\r\\n)`,
)
const response =
  /^(?:VALUE [!-~\x80-\xff]{1,250} \d+ \d+(?: \d+)?\r\n|(?:STORED|NOT_STORED|DELETED|TOUCHED)\r\n|(?:CLIENT|SERVER)_ERROR |STAT [!-~]+ |VA \d+(?: [A-Za-z][!-~]*)*\r\n)/
const weak =
  /^(?:END|OK|ERROR|EXISTS|NOT_FOUND|HD|EN|NF|NS|EX|MN|VERSION [!-~]+|version|quit|mn|stats(?: [!-~]+)?|flush_all(?: \d+)?(?: noreply)?|\d+)\r\n$/

const detectBinary = (
  bytes: Uint8Array,
  start: number,
  stop: number,
  end: number,
  magic: number,
): Evidence => {
  const length = binaryLength(bytes, start, stop, magic)
  if (length === noFrame || length === undecided) return Evidence.none
  if (u16At(bytes, start + 2) > 250 || bytes[start + 4] > 20) return Evidence.none
  const next = start + length
  if (next < end && bytes[next] !== magic) return Evidence.none
  return magic === requestMagic ? Evidence.request : Evidence.response
}

export const detectMemcached = (bytes: Uint8Array, start: number, end: number): Evidence => {
  const stop = Math.min(end, start + lookahead)
  if (stop === start) return Evidence.unclear
  const first = bytes[start]
  if (first === requestMagic || first === responseMagic) return detectBinary(bytes, start, stop, end, first)
  if (first < 48 || first > 122) return Evidence.none
  const text = latin1Text(bytes, start, stop)
  if (request.test(text)) return Evidence.request
  if (response.test(text)) return Evidence.response
  return weak.test(text) ? Evidence.unclear : Evidence.none
}
