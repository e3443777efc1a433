// Looks into JSON of which nothing is known: what is not there, or of another type, reads as empty.

export type Json = Readonly<Record<string, unknown>>

const nothing: Json = {}

export const asObject = (value: unknown): Json =>
  typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Json) : nothing

export const asList = (value: unknown): ReadonlyArray<unknown> => (Array.isArray(value) ? value : [])

/** Numbers and booleans as they are written. */
export const asText = (value: unknown): string =>
  typeof value === "string"
    ? value
    : typeof value === "number" || typeof value === "boolean"
      ? String(value)
      : ""

/** 0 for what is no number. */
export const asNumber = (value: unknown): number =>
  typeof value === "number" && Number.isFinite(value) ? value : 0

/** The value under a path of keys. */
export const at = (value: unknown, ...path: ReadonlyArray<string>): unknown => {
  let current = value
  for (const key of path) {
    const object = asObject(current)
    if (!Object.hasOwn(object, key)) return undefined
    current = object[key]
  }
  return current
}

export const textAt = (value: unknown, ...path: ReadonlyArray<string>): string => asText(at(value, ...path))
export const listAt = (value: unknown, ...path: ReadonlyArray<string>): ReadonlyArray<unknown> =>
  asList(at(value, ...path))

/** A map of texts with a prefix before each name. */
export const prefixedTags = (prefix: string, value: unknown): Record<string, string> =>
  Object.fromEntries(Object.entries(asObject(value)).map(([name, text]) => [prefix + name, asText(text)]))
