// Error texts of databases quote values of the statement: replaces them by `?`, keeps the names of keys and columns.

/** Everything between the first quote and the last one before ` for ` (`Duplicate entry 'x' for key 'users.email'`). */
export const maskQuoted = (text: string, quote: string): string => {
  const from = text.indexOf(quote)
  if (from < 0) return text
  const tail = text.lastIndexOf(`${quote} for `)
  const to = tail > from ? tail : text.lastIndexOf(quote)
  return to > from ? `${text.slice(0, from + 1)}?${text.slice(to)}` : `${text.slice(0, from + 1)}?`
}
