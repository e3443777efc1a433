// Lists as one types them. Pure.

const eachOnce = (words: ReadonlyArray<string>): ReadonlyArray<string> => [
  ...new Set(words.filter((word) => word !== "")),
]

/** Commas and white space part them. */
export const readWords = (text: string): ReadonlyArray<string> => eachOnce(text.split(/[\s,]+/))

/** Only commas part them: names may have spaces within. */
export const readNames = (text: string): ReadonlyArray<string> => eachOnce(text.trim().split(/\s*,\s*/))
