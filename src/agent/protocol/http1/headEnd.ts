// Where a message head ends, for any kind of line end; HeadReader finds it itself where lines end in CRLF.

const LF = 10
const CR = 13

/**
 * Position after the empty line that ends a head (LF LF or LF CR LF, so CRLF CRLF too), or -1. Looks at every second byte:
 * any such end has a control character among them.
 */
export const findHeadEnd = (bytes: Uint8Array, start: number, end: number): number => {
  for (let i = start + 1; i < end; i += 2) {
    const c = bytes[i]
    if (c > CR) continue
    if (c === LF) {
      if (bytes[i - 1] === LF) return i + 1
      if (i - 2 >= start && bytes[i - 1] === CR && bytes[i - 2] === LF) return i + 1
      if (i + 1 < end && bytes[i + 1] === LF) return i + 2
      if (i + 2 < end && bytes[i + 1] === CR && bytes[i + 2] === LF) return i + 3
    } else if (c === CR && bytes[i - 1] === LF && i + 1 < end && bytes[i + 1] === LF) {
      return i + 2
    }
  }
  return -1
}
