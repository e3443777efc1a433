// Texts that come again and again (topics, groups, clients, subjects): found by their bytes, so that no text is made anew.
// Bound: 1,024 texts of 64 bytes, for all connections; one that shares a place with another replaces it.

import { utf8Text } from "../latin1.ts"

const places = 1024
const longest = 64

const texts: Array<string> = Array.from({ length: places }, () => "")

/** The UTF-8 text of bytes[start, end). */
export const nameText = (bytes: Uint8Array, start: number, end: number): string => {
  const length = end - start
  if (length > longest) return utf8Text(bytes, start, end)
  let hash = length
  for (let i = start; i < end; i++) hash = (Math.imul(hash, 31) + bytes[i]) | 0
  const place = (hash ^ (hash >>> 15)) & (places - 1)
  const known = texts[place]
  if (known.length === length) {
    let i = 0
    // Of texts beyond ASCII the characters are not the bytes: they are never found.
    while (i < length && known.charCodeAt(i) === bytes[start + i] && bytes[start + i] < 0x80) i++
    if (i === length) return known
  }
  const text = utf8Text(bytes, start, end)
  texts[place] = text
  return text
}
