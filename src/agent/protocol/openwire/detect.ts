// Does a run of bytes begin with an OpenWire command? WireFormatInfo has a magic text; of the others those are recognised that
// begin with identities (`ID:...`), and responses.

import { u32At } from "../framed/ByteReader.ts"
import { latin1Text } from "../latin1.ts"
import { Evidence } from "../Protocol.ts"
import { commandName, DataType } from "./dataTypes.ts"

const lookahead = 64
/** Length and type. */
export const frameHead = 5
/** ActiveMQ's default limit of a frame (wireFormat.maxFrameSize of its transport connectors). */
const maxFrame = 104_857_600
const magic = "ActiveMQ"
const magicEnd = frameHead + magic.length
/** Length and fields of a response in the loose encoding. */
const shortestResponse = 14

export const isCommandHead = (bytes: Uint8Array, at: number): boolean => {
  const length = u32At(bytes, at)
  if (length === 0 || length > maxFrame) return false
  // A type of 0 is a command that says nothing, to keep a connection alive.
  return commandName(bytes[at + 4]) !== "" || (bytes[at + 4] === 0 && length === 1)
}

/** Types of what the client sends with an identity near the beginning, and the broker. */
const clientTypes = new Set([3, 4, 5, 6, 7, 8, 9, 22])
const brokerTypes = new Set<number>([DataType.brokerInfo, DataType.messageDispatch])

const hasIdentity = (bytes: Uint8Array, start: number, stop: number): boolean =>
  /ID:[\w.-]+/.test(latin1Text(bytes, start, stop))

/** Responses have no number of their own and one fixed length in each encoding. */
const isResponseFrame = (bytes: Uint8Array, start: number, end: number): boolean => {
  const length = u32At(bytes, start)
  if (end - start !== length + 4) return false
  const isTight = length === 11 && bytes[start + 5] === 1
  if (!isTight && length !== 10) return false
  return u32At(bytes, start + (isTight ? 7 : 5)) === 0
}

export const detectOpenWire = (bytes: Uint8Array, start: number, end: number): Evidence => {
  const stop = Math.min(end, start + lookahead)
  if (stop <= start) return Evidence.unclear
  if (end - start >= shortestResponse && bytes[start + 4] === DataType.response)
    return isResponseFrame(bytes, start, end) ? Evidence.response : Evidence.none
  if (stop - start < magicEnd + 2) {
    for (let i = start + frameHead; i < Math.min(stop, start + magicEnd); i++) {
      if (bytes[i] !== magic.charCodeAt(i - start - frameHead)) return Evidence.none
    }
    const isPossible = stop - start < frameHead || bytes[start + 4] === DataType.wireFormatInfo
    return bytes[start] === 0 && isPossible ? Evidence.unclear : Evidence.none
  }
  if (!isCommandHead(bytes, start)) return Evidence.none
  const type = bytes[start + 4]
  if (type === DataType.wireFormatInfo)
    return latin1Text(bytes, start + frameHead, start + magicEnd) === magic ? Evidence.either : Evidence.none
  if (!hasIdentity(bytes, start + frameHead, stop)) return Evidence.none
  if (clientTypes.has(type)) return Evidence.request
  return brokerTypes.has(type) ? Evidence.response : Evidence.none
}
