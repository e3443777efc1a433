// The output of an application (CGI's response headers, RFC 3875 section 6) in the terms of messages.

import { type L7Message, ResponseStatus } from "../../../model/L7Session.ts"
import { latin1Text } from "../latin1.ts"
import { maxTraceName, readTraceField } from "../traceField.ts"

const LF = 10
const CR = 13

/** Where the body begins in bytes[0, end): behind the first empty line; -1 when the headers do not end here. */
export const bodyStart = (bytes: Uint8Array, end: number): number => {
  for (let i = 0; i + 1 < end; i++) {
    if (bytes[i] !== LF) continue
    if (bytes[i + 1] === LF) return i + 2
    if (bytes[i + 1] === CR && i + 2 < end && bytes[i + 2] === LF) return i + 3
  }
  return -1
}

const statusOf = (code: number): ResponseStatus =>
  code >= 500 ? ResponseStatus.serverError : code >= 400 ? ResponseStatus.clientError : ResponseStatus.ok

/** Reads the headers in bytes[0, end). */
export const readHeaders = (bytes: Uint8Array, end: number, message: L7Message): void => {
  let rank = 0
  let code = 0
  let reason = ""
  let hasLocation = false
  for (const line of latin1Text(bytes, 0, end).split(/\r?\n/)) {
    const colon = line.indexOf(":")
    if (colon < 1) continue
    const name = line.slice(0, colon).toLowerCase()
    const value = line.slice(colon + 1).trim()
    if (name === "status") {
      const parts = /^(\d{3})(?: (.*))?$/.exec(value)
      if (parts !== null) {
        code = Number(parts[1])
        reason = parts[2] ?? ""
      }
    } else if (name === "location") hasLocation = true
    else if (name.length <= maxTraceName) rank = readTraceField(name, value, message, rank)
  }
  message.code = code === 0 ? (hasLocation ? 302 : 200) : code
  message.status = statusOf(message.code)
  if (message.code >= 400) message.exception = reason
}
