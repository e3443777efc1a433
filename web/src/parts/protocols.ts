// The protocols one can filter by: those the console has a colour for, and any others that answers mention.

const always = ["HTTP", "Redis"]
const mentioned = new Set<string>()

export const protocolChoices = (
  seen: Iterable<string>,
): ReadonlyArray<readonly [value: string, text: string]> => {
  for (const name of seen) mentioned.add(name)
  const others = [...mentioned].filter((name) => !always.includes(name)).sort()
  return [["", "Any"], ...[...always, ...others].map((name) => [name, name] as const)]
}
