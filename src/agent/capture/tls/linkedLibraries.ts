// The TLS libraries that the dynamic linker would give to a program of this host.

import { readFileSync } from "node:fs"

const linkerCache = "/etc/ld.so.cache"
const linkedLibraries = /\/[\x21-\x7e]*\/lib(?:ssl|gnutls)\.so\.[\d.]+/g

/** Paths of those that the dynamic linker's cache names. */
export const linkedTlsLibraries = (): ReadonlyArray<string> => {
  try {
    return [...new Set(readFileSync(linkerCache, "latin1").match(linkedLibraries) ?? [])]
  } catch {
    return []
  }
}
