// Reads the header block of HPUB and HMSG: a status, trace context, and what services say of failure.

import type { L7Message } from "../../../model/L7Session.ts"
import { latin1Text } from "../latin1.ts"
import { maxTraceValue, readTraceField } from "../traceField.ts"

export interface HeaderFacts {
  /** Status in the first line, or of a service's error; -1: none. */
  code: number
  text: string
}

const maxHeaders = 64
const statusLine = /^NATS\/1\.0[ \t]+(\d{3})[ \t]*(.*)$/
const number = /^\d{1,9}$/

/** Reads bytes[start, end). */
export const readHeaders = (
  bytes: Uint8Array,
  start: number,
  end: number,
  message: L7Message,
  facts: HeaderFacts,
): void => {
  facts.code = -1
  facts.text = ""
  const text = latin1Text(bytes, start, end)
  let at = text.indexOf("\r\n")
  if (at < 0) return
  const status = at > 8 ? statusLine.exec(text.slice(0, at)) : null
  if (status !== null) {
    facts.code = Number(status[1])
    facts.text = status[2]
  }
  let rank = 0
  for (let i = 0; i < maxHeaders; i++) {
    const from = at + 2
    at = text.indexOf("\r\n", from)
    // A line that is cut off has a value that is not whole.
    if (at <= from) return
    const colon = text.indexOf(":", from)
    if (colon < 0 || colon > at || at - colon > maxTraceValue) continue
    const name = text.slice(from, colon)
    const value = text.slice(colon + 1, at).trim()
    if (name === "Nats-Service-Error-Code") {
      if (number.test(value)) facts.code = Number(value)
    } else if (name === "Nats-Service-Error") facts.text = value
    else if (name === "Nats-Msg-Id") message.xRequestId = value
    else rank = readTraceField(name, value, message, rank)
  }
}
