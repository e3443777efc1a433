// Does a run of bytes begin with a RocketMQ command? Its flag says which side sent it, or else its code and first fields.

import { u32At } from "../framed/ByteReader.ts"
import { latin1Text } from "../latin1.ts"
import { Evidence } from "../Protocol.ts"
import { Encoding, mayBeBinary, mayBeJson } from "./RemotingHeader.ts"

const lookahead = 64
/** Length of the command, length of the header with its encoding. */
export const frameHead = 8
/** The default limit of a message is 4 MiB; pulls answer with many. */
const maxCommand = 0x1000_0000
const maxHeader = 65_536
const binaryHead = 21

/** Whether a command begins at `at`, of which at least 8 bytes are there. */
export const mayBeCommand = (bytes: Uint8Array, at: number, end: number): boolean => {
  const length = u32At(bytes, at)
  const header = u32At(bytes, at + 4)
  const headerBytes = header & 0xff_ffff
  const encoding = header >>> 24
  if (length > maxCommand || headerBytes > maxHeader || headerBytes + 4 > length) return false
  if (encoding === Encoding.json) return headerBytes >= 12 && mayBeJson(bytes, at + frameHead, end)
  return encoding === Encoding.binary && headerBytes >= binaryHead && mayBeBinary(bytes, at + frameHead, end)
}

/** Names of fields that only answers to pulls have. */
const answers = /"(?:suggestWhichBrokerId|nextBeginOffset|maxOffset|minOffset)"/

const detectJson = (bytes: Uint8Array, at: number, stop: number): Evidence => {
  const text = latin1Text(bytes, at, stop)
  const flag = /"flag":(\d)[,}]/.exec(text)
  if (flag !== null) return (Number(flag[1]) & 1) === 1 ? Evidence.response : Evidence.request
  const code = /^\{"code":(\d+),/.exec(text)
  if (code === null) return Evidence.unclear
  if (Number(code[1]) < 5 || answers.test(text)) return Evidence.response
  return /"extFields":\{"/.test(text) ? Evidence.request : Evidence.unclear
}

export const detectRocketMq = (bytes: Uint8Array, start: number, end: number): Evidence => {
  const stop = Math.min(end, start + lookahead)
  if (stop <= start) return Evidence.unclear
  if (stop - start < frameHead)
    return bytes[start] === 0 && (stop - start < 5 || bytes[start + 4] <= Encoding.binary)
      ? Evidence.unclear
      : Evidence.none
  if (!mayBeCommand(bytes, start, stop)) return Evidence.none
  const at = start + frameHead
  if (bytes[start + 4] === Encoding.json) return detectJson(bytes, at, stop)
  if (stop - at < 13) return Evidence.unclear
  return (bytes[at + 12] & 1) === 1 ? Evidence.response : Evidence.request
}
