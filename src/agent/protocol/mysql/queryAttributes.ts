// Query attributes of MySQL 8: named values that a client sends before the text of COM_QUERY, among them `traceparent`.

import type { L7Message } from "../../../model/L7Session.ts"
import { utf8Text } from "../latin1.ts"
import { maxTraceName, maxTraceValue, readTraceField } from "../traceField.ts"
import { numberAt, numberSize, u16 } from "./packet.ts"

/** More are not read: a statement never begins with a control character, so the first byte tells them from text. */
const maxAttributes = 8
const firstPrintable = 9

/** Bytes of the types with a fixed size; the others are length-encoded. */
const sizes: Record<number, number> = { 1: 1, 2: 2, 3: 4, 4: 4, 5: 8, 6: 0, 8: 8, 9: 4, 13: 2 }
const dateTypes = new Set([7, 10, 11, 12])

/** Where the statement begins in the payload behind the command; trace identity goes into the message. */
export const skipQueryAttributes = (
  bytes: Uint8Array,
  start: number,
  end: number,
  message: L7Message,
): number => {
  if (start + 2 > end || bytes[start] >= firstPrintable || bytes[start + 1] !== 1) return start
  const count = bytes[start]
  let at = start + 2
  if (count === 0) return at
  const nullsAt = at
  at += Math.ceil(count / 8)
  if (at >= end || bytes[at] !== 1 || count > maxAttributes) return end
  at++
  const names: Array<string> = []
  const types: Array<number> = []
  for (let i = 0; i < count && at + 3 <= end; i++) {
    types.push(u16(bytes, at) & 0xff)
    const textAt = at + 2 + numberSize(bytes[at + 2])
    const stop = textAt + numberAt(bytes, at + 2, end)
    if (stop > end) return end
    names.push(stop - textAt <= maxTraceName ? utf8Text(bytes, textAt, stop) : "")
    at = stop
  }
  let rank = 0
  for (let i = 0; i < types.length && at < end; i++) {
    if (((bytes[nullsAt + (i >> 3)] >> (i & 7)) & 1) === 1) continue
    const size = sizes[types[i]]
    if (size !== undefined) {
      at += size
      continue
    }
    const textAt = at + (dateTypes.has(types[i]) ? 1 : numberSize(bytes[at]))
    const stop = textAt + (dateTypes.has(types[i]) ? bytes[at] : numberAt(bytes, at, end))
    if (stop <= end && stop - textAt <= maxTraceValue)
      rank = readTraceField(names[i], utf8Text(bytes, textAt, stop), message, rank)
    at = stop
  }
  return Math.min(at, end)
}
