// Where the literals of a statement end: numbers and quoted runs.

export const apostrophe = 39
export const doubleQuote = 34
const backslash = 92
const dot = 46
const plus = 43
const minus = 45

export const isDigit = (c: number): boolean => c >= 48 && c <= 57

/** 1 for the bytes that words go on with: letters, digits, `_`, `$`, and all that are not ASCII. */
export const wordBytes = Uint8Array.from({ length: 256 }, (_, c) =>
  isDigit(c) || ((c | 32) >= 97 && (c | 32) <= 122) || c === 95 || c === 36 || c >= 128 ? 1 : 0,
)

/** End of the number that begins at `i`. */
export const numberEnd = (bytes: Uint8Array, i: number, end: number): number => {
  let at = i + 1
  while (at < end) {
    const c = bytes[at]
    if (wordBytes[c] === 1 || c === dot) at++
    else if ((c === plus || c === minus) && (bytes[at - 1] | 32) === 101 && bytes[i + 1] !== 120) at++
    else break
  }
  return at
}

/** End of the quoted run that begins at `i`; a doubled quote is part of it. */
export const quotedEnd = (
  bytes: Uint8Array,
  i: number,
  end: number,
  quote: number,
  hasBackslashes: boolean,
): number => {
  let at = i + 1
  while (at < end) {
    const c = bytes[at]
    if (c === backslash && hasBackslashes) at += 2
    else if (c !== quote) at++
    else if (at + 1 < end && bytes[at + 1] === quote) at += 2
    else return at + 1
  }
  return end
}
