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

/** The first lines that are whole, at most `most`. */
const linesOf = (bytes: Uint8Array, start: number, end: number, most: number): ReadonlyArray<string> => {
  const lines: Array<string> = []
  let from = start
  while (lines.length < most) {
    const to = bytes.indexOf(lineFeed, from)
    if (to < 0 || to >= end) break
    lines.push(utf8Text(bytes, from, to))
    from = to + 1
  }
  return lines
}

/** The last line of bytes that end with one. */
const lastLine = (bytes: Uint8Array, end: number): string =>
  bytes[end - 1] === lineFeed ? utf8Text(bytes, bytes.lastIndexOf(lineFeed, end - 2) + 1, end - 1) : ""

export const jsonBody: BodyReader = {
  readInvocation(bytes, start, end, into, isWhole) {
    const lines = linesOf(bytes, start, end, firstArgument + 1)
    const text = (i: number): string => stringOf(lines[i] ?? "")
    into.protocolVersion = text(0)
    into.service = text(1)
    into.serviceVersion = text(2)
    into.method = text(3)
    if (into.isGeneric) into.genericMethod = text(firstArgument)
    // Attachments are the last value.
    const last = isWhole && lines.length > firstArgument ? lastLine(bytes, end) : ""
    if (last.startsWith("{")) walkFields(last, into.attachment)
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
