// Addresses of the ends of requests, for people. Ends of which nothing is known: spans that programs tell of name no other end, and their rows have no
// address for it. The table calls such an end by that address, as any other without a name; people are told of none.

const noAddress = /^(?:0\.0\.0\.0(?::\d+)?|::|\[::\]:\d+)$/

/** An address, with or without a port, or a name; empty: it is the address of nobody. */
export const knownEnd = (text: string): string => (noAddress.test(text) ? "" : text)

/** "10.0.0.1:80", "[::1]:80"; empty: not known. */
export const endAddress = (ip: string, port: number): string =>
  ip === "" ? "" : `${ip.includes(":") ? `[${ip}]` : ip}:${port}`
