// The ends of requests in words: programs may tell of a call without saying who was at its other end. Pure.

export const unknownEnd = "unknown"

/** Rows without the address of an end have this one in its place, in both families. */
const noAddress = /^(?:0\.0\.0\.0(?::\d+)?|::|\[::\]:\d+)$/

/** A stored name or address of an end; empty: it is the address of nobody. */
export const knownEnd = (stored: string): string => (noAddress.test(stored) ? "" : stored)

export const endName = (name: string): string => (name === "" ? unknownEnd : name)

/** "10.0.0.1:80", "[::1]:80"; empty: not known. */
export const endAddress = (ip: string, port: number): string =>
  ip === "" ? "" : `${ip.includes(":") ? `[${ip}]` : ip}:${port}`

/** "shop (10.0.0.1:80)" */
export const endTitle = (name: string, ip: string, port: number): string =>
  ip === "" ? endName(name) : `${endName(name)} (${endAddress(ip, port)})`
