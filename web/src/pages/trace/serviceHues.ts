// Which colour each service of a trace has: the same in every trace where it can be, never that of another while there are free
// ones. Pure.

const hues = 8

const wantedHue = (service: string): number => {
  let sum = 7
  for (const char of service) sum = (sum * 31 + (char.codePointAt(0) ?? 0)) % 1_000_003
  return sum % hues
}

/** Tokens of colours by service; the first services choose first. */
export const serviceHues = (services: Iterable<string>): ReadonlyMap<string, string> => {
  const all = [...new Set(services)]
  const taken = new Set<number>()
  return new Map(
    all.map((service) => {
      let hue = wantedHue(service)
      if (taken.size < hues) while (taken.has(hue)) hue = (hue + 1) % hues
      taken.add(hue)
      return [service, `var(--hue-${hue + 1})`]
    }),
  )
}
