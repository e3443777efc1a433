// Does a run of bytes begin a line of SMTP? Only commands that no other protocol has count, and a greeting that names SMTP; one
// that does not may be FTP's.

import { latin1Text } from "../latin1.ts"
import { Evidence } from "../Protocol.ts"
import { verbOf } from "./commands.ts"
import { replyCode } from "./replies.ts"

const lookahead = 64
const starts = ["EHLO ", "HELO ", "LHLO ", "MAIL FROM:", "RCPT TO:"]

/** What follows HELO is a name or an address in brackets. */
const argument = /^[\w[]/

export const detectSmtp = (bytes: Uint8Array, start: number, end: number): Evidence => {
  const text = latin1Text(bytes, start, Math.min(end, start + lookahead))
  if (text === "") return Evidence.unclear
  const first = text.charCodeAt(0)
  if (first === 50) {
    if (!"220".startsWith(text.slice(0, 3)) || (text.length > 3 && text[3] !== " " && text[3] !== "-"))
      return Evidence.none
    return /^220[ -][ -~]*SMTP/.test(text) ? Evidence.response : Evidence.unclear
  }
  const upper = text.toUpperCase()
  for (const command of starts) {
    if (upper.startsWith(command)) {
      if (!command.endsWith(" ")) return Evidence.request
      return text.length === command.length
        ? Evidence.unclear
        : argument.test(text.slice(command.length))
          ? Evidence.request
          : Evidence.none
    }
    if (command.startsWith(upper)) return Evidence.unclear
  }
  return Evidence.none
}

/** Weaker, for a connection known to be SMTP. */
export const mayBeginLine = (bytes: Uint8Array, start: number, end: number, isRequest: boolean): boolean => {
  const text = latin1Text(bytes, start, Math.min(end, start + lookahead)).split("\r\n", 1)[0]
  return isRequest ? verbOf(text) !== "" : replyCode(text) > 0
}
