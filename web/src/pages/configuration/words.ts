// Lists as one types them. Pure.

/** Each once; commas and white space part them. */
export const readWords = (text: string): ReadonlyArray<string> => [
  ...new Set(text.split(/[\s,]+/).filter((word) => word !== "")),
]
