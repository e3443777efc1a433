// Does a run of bytes begin with a Pulsar command? Two lengths that agree, the command's type, and the field of that number.

import { u16At, u32At } from "../framed/ByteReader.ts"
import { Evidence } from "../Protocol.ts"
import { type Command, commandOf, Sender } from "./commands.ts"

/** Both lengths. */
export const frameHead = 8
/** Twice the broker's default limit of a message with its metadata, and more. */
const maxFrame = 0x800_0000
const maxCommand = 0x100_0000
const typeTag = 0x08

/** Type of the command whose lengths are at `at`, -1 when none begins there; 0 when the bytes are too few. */
export const commandTypeAt = (bytes: Uint8Array, at: number, end: number): number => {
  if (end - at < frameHead) return 0
  const total = u32At(bytes, at)
  const command = u32At(bytes, at + 4)
  if (total > maxFrame || command > maxCommand || command < 2 || command + 4 > total) return -1
  if (end - at < frameHead + 3) return 0
  const type = bytes[at + frameHead + 1]
  if (bytes[at + frameHead] !== typeTag || commandOf(type) === undefined) return -1
  // Ping and pong are the only ones that may be empty, all are a field of bytes.
  const tag = type * 8 + 2
  const second = bytes[at + frameHead + 2]
  if (tag < 0x80) return second === tag ? type : -1
  if (second !== ((tag & 0x7f) | 0x80)) return -1
  if (end - at < frameHead + 4) return 0
  return bytes[at + frameHead + 3] === tag >> 7 ? type : -1
}

/** Behind a command there is nothing, or a payload with its marks. */
const hasRightTail = (bytes: Uint8Array, at: number, end: number): boolean => {
  const total = u32At(bytes, at)
  const command = u32At(bytes, at + 4)
  if (command + 4 === total) return true
  const tail = at + frameHead + command
  if (tail + 2 > end) return true
  const mark = u16At(bytes, tail)
  return mark === 0x0e01 || mark === 0x0e02 || mark === 0
}

export const detectPulsar = (bytes: Uint8Array, start: number, end: number): Evidence => {
  const stop = Math.min(end, start + 64)
  if (stop <= start) return Evidence.unclear
  const type = commandTypeAt(bytes, start, stop)
  if (type < 0) return Evidence.none
  if (type === 0) return bytes[start] === 0 ? Evidence.unclear : Evidence.none
  if (!hasRightTail(bytes, start, stop)) return Evidence.none
  const { sender } = commandOf(type) as Command
  if (sender === Sender.client) return Evidence.request
  return sender === Sender.broker ? Evidence.response : Evidence.either
}
