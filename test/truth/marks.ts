// Marks: what tells, in the text of every call, to which request it truly belongs. They stand where any program has names of its own
// (path, key, alias of a column), never in a header, and nothing of Sonde reads them.

const digits = 7

/** The mark of request `number`, below 10 million: a word that SQL takes as a name. */
export const markOf = (number: number): string => `q${String(number).padStart(digits, "0")}z`

const pattern = new RegExp(`(?<![a-z0-9])q(\\d{${digits}})z(?![a-z0-9])`)

/** The request that a text belongs to; undefined: it carries no mark. */
export const requestIn = (text: string): number | undefined => {
  const found = pattern.exec(text)
  return found === null ? undefined : Number(found[1])
}
