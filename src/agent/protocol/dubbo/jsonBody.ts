// Bodies in JSON, one value a line (FastJSON, Gson).

import { walkFields } from "../framed/JsonFields.ts"
import { utf8Text } from "../latin1.ts"
import { type BodyReader, exceptionText, isException, maxName } from "./Invocation.ts"

const lineFeed = 10
/** Line of the attachments, or of arguments when there are any, behind the texts and the descriptor. */
const firstArgument = 5

/** Text of the line that is a JSON string; empty when it is none. */
const stringOf = (line: string): string => {
  let text = ""
  if (line.startsWith('"')) walkFields(`{"text":${line}}`, (_, value) => (text = value))
  return text.slice(0, maxName)
}

/** The lines that are whole: the first `most` of them, and the last one behind these. */
const linesOf = (bytes: Uint8Array, start: number, end: number, most: number): ReadonlyArray<string> => {
  const lines: Array<string> = []
  let from = start
  let lastFrom = -1
  let lastTo = -1
  while (from < end) {
    const to = bytes.indexOf(lineFeed, from)
    if (to < 0 || to >= end) break
    if (lines.length < most) lines.push(utf8Text(bytes, from, to))
    else {
      lastFrom = from
      lastTo = to
    }
    from = to + 1
  }
  if (lastFrom >= 0) lines.push(utf8Text(bytes, lastFrom, lastTo))
  return lines
}

export const jsonBody: BodyReader = {
  readInvocation(bytes, start, end, into) {
    const lines = linesOf(bytes, start, end, firstArgument)
    const text = (i: number): string => stringOf(lines[i] ?? "")
    into.protocolVersion = text(0)
    into.service = text(1)
    into.serviceVersion = text(2)
    into.method = text(3)
    // Attachments are the last value.
    const last = lines[firstArgument]
    if (last?.startsWith("{") === true) walkFields(last, into.attachment)
  },

  readException(bytes, start, end) {
    const lines = linesOf(bytes, start, end, 2)
    if (!isException(Number(lines[0] ?? "-1"))) return null
    let className = ""
    let text = ""
    walkFields(lines[1] ?? "", (name, value) => {
      if (name === "@type" && className === "") className = value
      else if ((name === "message" || name === "detailMessage") && text === "") text = value
    })
    return exceptionText(className.slice(0, maxName), text.slice(0, maxName))
  },

  readText(bytes, start, end) {
    return stringOf(linesOf(bytes, start, end, 1)[0] ?? "")
  },
}
