// What the code of an SMTP reply says: 4xx means that the server cannot do it now, 5xx that it will not do what was asked.

import { type L7Message, ResponseStatus } from "../../../model/L7Session.ts"
import { maskAddresses } from "./commands.ts"

const responseStatusOf = (code: number): ResponseStatus => {
  if (code >= 500) return ResponseStatus.clientError
  return code >= 400 ? ResponseStatus.serverError : ResponseStatus.ok
}

/** A code of three digits at the start of a reply line; 0 when there is none. */
export const replyCode = (line: string): number => {
  if (!/^[2-5]\d\d(?:[ -]|$)/.test(line)) return 0
  return Number(line.slice(0, 3))
}

const enhancedCode = /^([245]\.\d{1,3}\.\d{1,3}) /

/** Fills in the response whose last line is `text`, without the code. */
export const readReply = (code: number, text: string, message: L7Message, masksLiterals: boolean): void => {
  const shown = masksLiterals ? maskAddresses(text) : text
  message.code = code
  message.status = responseStatusOf(code)
  if (code >= 400) message.exception = shown
  else message.result = shown
  const enhanced = enhancedCode.exec(text)
  if (enhanced !== null) message.attributes = ["enhanced_code", enhanced[1]]
}
