// The name of a protocol with its colour; a protocol without one of its own gets one of a few by its name.

const own: Readonly<Record<string, number>> = { HTTP: 1, Redis: 2 }
const colors = 6

const colorOf = (name: string): number => {
  let sum = 0
  for (const char of name) sum = (sum * 31 + (char.codePointAt(0) ?? 0)) % 1_000_003
  return own[name] ?? (sum % (colors - 2)) + 3
}

/** A span of a program may have none. */
export const Protocol = ({ name }: { readonly name: string }) =>
  name === "" ? null : <span className={`protocol hue-${colorOf(name)}`}>{name}</span>
