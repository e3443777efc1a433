// An agent's counters for people: what was lost or could not be read apart from what was done. Pure.

export interface Counter {
  readonly name: string
  readonly value: number
}

/** What an agent could not take, keep or send. Zero is good. */
const lossWords =
  /_(lost|dropped|unreadable|sockets_full|evicted|overflowed|oversized|refused|malformed|timed_out|unpaired|truncated)(_|$)/

const prefix = /^sonde_(agent_)?/

export const readable = (name: string): string =>
  name
    .replace(prefix, "")
    .replace(/_total$/, "")
    .replaceAll("_", " ")

const all = (counters: Readonly<Record<string, number>>): ReadonlyArray<Counter> =>
  Object.entries(counters).map(([name, value]) => ({ name, value }))

export const losses = (counters: Readonly<Record<string, number>>): ReadonlyArray<Counter> =>
  all(counters).filter(({ name }) => lossWords.test(name))

export const others = (counters: Readonly<Record<string, number>>): ReadonlyArray<Counter> =>
  all(counters).filter(({ name }) => !lossWords.test(name))
