// Gives sources that would have the same domain (two files of one name) a number behind it, in the order of the configuration.

import type { ResourceSource } from "./ResourceSource.ts"

export const distinctDomains = (sources: ReadonlyArray<ResourceSource>): ReadonlyArray<ResourceSource> => {
  const counts = new Map<string, number>()
  return sources.map((source) => {
    const count = (counts.get(source.domain) ?? 0) + 1
    counts.set(source.domain, count)
    return count === 1 ? source : { ...source, domain: `${source.domain}#${count}` }
  })
}
