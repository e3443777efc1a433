// Does a run of bytes begin with NATS protocol messages? PING, PONG, +OK and -ERR are those of other protocols too.

import { latin1Text } from "../latin1.ts"
import { Evidence } from "../Protocol.ts"
import { ControlLine, mayBeOp, Op } from "./ControlLine.ts"

const lookahead = 64
const LF = 10
const CR = 13

const line = new ControlLine()

/** INFO and CONNECT carry JSON. */
const detectJson = (bytes: Uint8Array, start: number, stop: number): Evidence => {
  const text = latin1Text(bytes, start, stop).toUpperCase()
  if (/^INFO +\{ *"/.test(text)) return Evidence.response
  if (/^CONNECT +\{ *("|\}\r)/.test(text)) return Evidence.request
  return Evidence.none
}

const evidenceOf = (op: Op): Evidence => {
  switch (op) {
    case Op.pub:
    case Op.hpub:
    case Op.sub:
    case Op.unsub:
      return Evidence.request
    case Op.msg:
    case Op.hmsg:
      return Evidence.response
    default:
      return Evidence.unclear
  }
}

export const detectNats = (bytes: Uint8Array, start: number, end: number): Evidence => {
  const stop = Math.min(end, start + lookahead)
  if (stop <= start) return Evidence.unclear
  if (!mayBeOp(bytes, start, stop)) return Evidence.none
  const json = detectJson(bytes, start, stop)
  if (json !== Evidence.none) return json
  let lineEnd = start
  while (lineEnd < stop && bytes[lineEnd] !== LF) {
    if (bytes[lineEnd] < 0x20 && bytes[lineEnd] !== CR && bytes[lineEnd] !== 9) return Evidence.none
    lineEnd++
  }
  if (lineEnd === stop) return Evidence.unclear
  if (bytes[lineEnd - 1] !== CR || !line.read(bytes, start, lineEnd - 1)) return Evidence.none
  if (line.op === Op.info || line.op === Op.connect) return Evidence.none
  const found = evidenceOf(line.op)
  if (found === Evidence.unclear) return found
  // Where the payload ends within the bytes at hand, a line end is there.
  const payloadEnd = lineEnd + 1 + line.payloadBytes
  if (line.payloadBytes > 0 && payloadEnd <= end)
    return bytes[payloadEnd - 2] === CR && bytes[payloadEnd - 1] === LF ? found : Evidence.none
  return found
}
