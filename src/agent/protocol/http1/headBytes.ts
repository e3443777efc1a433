// What the reader of heads looks for in their bytes: names, words, lengths, ends of lines.

const COLON = 58
const LF = 10

export const noLength = -1
/** Content-Length that is no number or contradicts another one. */
export const badLength = -2

/** A name in lower case as bytes: looking at bytes costs a third of looking at the characters of a text. */
export const bytesOf = (name: string): Uint8Array => Uint8Array.from(name, (letter) => letter.charCodeAt(0))

/** Do bytes[at, ...) begin with `name` in any case? */
export const isName = (bytes: Uint8Array, at: number, name: Uint8Array): boolean => {
  for (let i = 0; i < name.length; i++) if ((bytes[at + i] | 32) !== name[i]) return false
  return true
}

/** Do they with `name` and a colon? */
export const isHeader = (bytes: Uint8Array, at: number, name: Uint8Array): boolean =>
  bytes[at + name.length] === COLON && isName(bytes, at, name)

/** Do bytes[at, ...) begin with `word`? */
export const isWord = (bytes: Uint8Array, at: number, word: Uint8Array): boolean => {
  for (let i = 0; i < word.length; i++) if (bytes[at + i] !== word[i]) return false
  return true
}

/** The number bytes[start, end). Decimal digits only, at most 15 of them: stays below 2^53. */
export const lengthIn = (bytes: Uint8Array, start: number, end: number): number => {
  if (start === end || end - start > 15) return badLength
  let value = 0
  for (let i = start; i < end; i++) {
    const digit = bytes[i] - 48
    if (digit < 0 || digit > 9) return badLength
    value = value * 10 + digit
  }
  return value
}

/** Position of the next LF in bytes[from, end), or -1. */
export const lineEndIn = (bytes: Uint8Array, from: number, end: number): number => {
  let at = from
  for (; at + 3 < end; at += 4) {
    if (bytes[at] === LF) return at
    if (bytes[at + 1] === LF) return at + 1
    if (bytes[at + 2] === LF) return at + 2
    if (bytes[at + 3] === LF) return at + 3
  }
  for (; at < end; at++) if (bytes[at] === LF) return at
  return -1
}
