// Where a text ends whose length counts the 16-bit units of Java's strings, in UTF-8: a character of four bytes is two of them.

/** Position behind the `count` units that begin at `at`; -1 when there are fewer before `end`. */
export const javaTextEnd = (bytes: Uint8Array, at: number, end: number, count: number): number => {
  let next = at
  for (let left = count; left > 0; left--) {
    if (next >= end) return -1
    const lead = bytes[next]
    if (lead < 0x80) next++
    else if (lead < 0xe0) next += 2
    else if (lead < 0xf0) next += 3
    else {
      next += 4
      left--
    }
  }
  return next > end ? -1 : next
}
