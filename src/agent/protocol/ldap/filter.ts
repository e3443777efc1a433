// A search filter (RFC 4511 section 4.5.1.7) as text (RFC 4515), values masked on request, bounded in depth and length.

import { Der } from "../Der.ts"
import { utf8Text } from "../latin1.ts"

const maxDepth = 8
const maxLength = 256
const maxValue = 64

const joins: Record<number, string> = { 0xa0: "&", 0xa1: "|", 0xa2: "!" }
const comparisons: Record<number, string> = { 0xa3: "=", 0xa5: ">=", 0xa6: "<=", 0xa8: "~=" }
const substrings = 0xa4
const present = 0x87
const extensible = 0xa9

const valueText = (bytes: Uint8Array, from: number, end: number, masks: boolean): string =>
  masks ? "?" : utf8Text(bytes, from, Math.min(end, from + maxValue))

/** The filter at `at`; `…` where it is cut, too deep or not understood. */
export const filterText = (bytes: Uint8Array, at: number, end: number, masks: boolean, depth = 0): string => {
  const der = new Der(bytes)
  if (depth === maxDepth || !der.read(at, end)) return "…"
  const { contentAt, tag } = der
  const contentEnd = Math.min(der.contentEnd, end)
  const join = joins[tag]
  if (join !== undefined) {
    let text = join
    const part = new Der(bytes)
    for (let next = contentAt; next < contentEnd && text.length < maxLength && part.read(next, contentEnd);) {
      text += filterText(bytes, next, contentEnd, masks, depth + 1)
      next = part.contentEnd
    }
    return `(${text.length < maxLength ? text : `${text.slice(0, maxLength)}…`})`
  }
  if (tag === present) return `(${utf8Text(bytes, contentAt, Math.min(contentEnd, contentAt + maxValue))}=*)`
  if (tag === extensible) return masks ? "(:=?)" : "(:=…)"
  if (!der.read(contentAt, contentEnd) || der.contentEnd > contentEnd) return "…"
  const name = utf8Text(bytes, der.contentAt, Math.min(der.contentEnd, der.contentAt + maxValue))
  if (tag === substrings) return `(${name}=*${masks ? "?" : "…"}*)`
  const comparison = comparisons[tag]
  if (comparison === undefined || !der.read(der.contentEnd, contentEnd)) return "…"
  return `(${name}${comparison}${valueText(bytes, der.contentAt, Math.min(der.contentEnd, contentEnd), masks)})`
}
