// Names of numbers in DNS messages (IANA "Domain Name System Parameters") and what a response code says of the outcome.

import { ResponseStatus } from "../../../model/L7Session.ts"

export const RecordKind = {
  a: 1,
  ns: 2,
  cname: 5,
  soa: 6,
  ptr: 12,
  mx: 15,
  txt: 16,
  aaaa: 28,
  srv: 33,
  dname: 39,
  opt: 41,
  ixfr: 251,
  axfr: 252,
} as const

const kinds: Record<number, string> = {
  1: "A",
  2: "NS",
  5: "CNAME",
  6: "SOA",
  10: "NULL",
  12: "PTR",
  13: "HINFO",
  15: "MX",
  16: "TXT",
  17: "RP",
  24: "SIG",
  25: "KEY",
  28: "AAAA",
  29: "LOC",
  33: "SRV",
  35: "NAPTR",
  37: "CERT",
  39: "DNAME",
  41: "OPT",
  43: "DS",
  44: "SSHFP",
  46: "RRSIG",
  47: "NSEC",
  48: "DNSKEY",
  50: "NSEC3",
  51: "NSEC3PARAM",
  52: "TLSA",
  59: "CDS",
  60: "CDNSKEY",
  61: "OPENPGPKEY",
  64: "SVCB",
  65: "HTTPS",
  99: "SPF",
  249: "TKEY",
  250: "TSIG",
  251: "IXFR",
  252: "AXFR",
  255: "ANY",
  256: "URI",
  257: "CAA",
}

export const recordKindName = (kind: number): string => kinds[kind] ?? `TYPE${kind}`

const codes: Record<number, string> = {
  1: "FORMERR",
  2: "SERVFAIL",
  3: "NXDOMAIN",
  4: "NOTIMP",
  5: "REFUSED",
  6: "YXDOMAIN",
  7: "YXRRSET",
  8: "NXRRSET",
  9: "NOTAUTH",
  10: "NOTZONE",
  16: "BADVERS",
  22: "BADTRUNC",
  23: "BADCOOKIE",
}

/** Empty for success. */
export const responseCodeName = (code: number): string => (code === 0 ? "" : (codes[code] ?? `RCODE${code}`))

/** Codes by which the server says that the question was wrong, or that what was asked about is not (or is) there. */
const clientErrors: ReadonlySet<number> = new Set([1, 3, 6, 7, 8, 10])

export const responseCodeStatus = (code: number): ResponseStatus => {
  if (code === 0) return ResponseStatus.ok
  return clientErrors.has(code) ? ResponseStatus.clientError : ResponseStatus.serverError
}

/** Shared, so that a query does not make its own: `opcode` and its name. Opcodes that are not here are not assigned. */
export const opcodeAttributes: Record<number, ReadonlyArray<string>> = {
  0: ["opcode", "StandardQuery"],
  1: ["opcode", "InverseQuery"],
  2: ["opcode", "Status"],
  4: ["opcode", "Notify"],
  5: ["opcode", "Update"],
  6: ["opcode", "StatefulOperation"],
}
