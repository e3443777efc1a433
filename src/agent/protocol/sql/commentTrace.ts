// The trace identity in a SQL comment: `traceparent='00-...-01',tracestate=''` as sqlcommenter writes it, or `TraceID: abc`.

import type { L7Message } from "../../../model/L7Session.ts"
import { maxTraceValue, readTraceField } from "../traceField.ts"

/** Longer comments are prose. */
const maxComment = 2048
const maxTraceId = 128

const decoded = (text: string): string => {
  if (!text.includes("%")) return text
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

const unquoted = (text: string): string => {
  const first = text.charCodeAt(0)
  return text.length >= 2 && (first === 39 || first === 34) && text.charCodeAt(text.length - 1) === first
    ? text.slice(1, -1)
    : text
}

const isPlainId = (text: string): boolean => text.length <= maxTraceId && /^[\w.:-]+$/.test(text)

const isTraceIdName = (name: string): boolean => /^trace[_-]?id$/i.test(name)

/** Reads what `comment` says into the message unless a better-ranked source spoke before; returns the rank of what it has now. */
export const readCommentTrace = (comment: string, message: L7Message, rank: number): number => {
  if (comment.length > maxComment || !/[=:]/.test(comment)) return rank
  let best = rank
  for (const pair of comment.split(/[,;\n]/, 32)) {
    const match = /^[\s*]*([\w-]{1,32})\s*[=:]\s*(.+)$/.exec(pair)
    if (match === null) continue
    const value = decoded(unquoted(match[2].trim()))
    if (value.length > maxTraceValue) continue
    if (!isTraceIdName(match[1])) best = readTraceField(match[1], value, message, best)
    else if (best === 0 && message.traceId === "" && isPlainId(value)) message.traceId = value
  }
  return best
}
