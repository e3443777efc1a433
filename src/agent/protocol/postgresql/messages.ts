// The messages of PostgreSQL's protocol 3: 1 byte type, 4 bytes length (which counts itself), body. Those that begin a
// connection have no type.

/** Codes in place of the version in a message without type. */
export const StartCode = {
  version3: 196608,
  /** Protocol 3.2 of PostgreSQL 18. */
  version32: 196610,
  cancel: 80877102,
  ssl: 80877103,
  gss: 80877104,
} as const

export const isStartCode = (code: number): boolean =>
  code === StartCode.version3 ||
  code === StartCode.version32 ||
  code === StartCode.cancel ||
  code === StartCode.ssl ||
  code === StartCode.gss

/** Types of messages, and letters inside them. */
export const Letter = {
  A: 0x41,
  B: 0x42,
  C: 0x43,
  D: 0x44,
  E: 0x45,
  F: 0x46,
  G: 0x47,
  I: 0x49,
  N: 0x4e,
  P: 0x50,
  Q: 0x51,
  S: 0x53,
  W: 0x57,
  X: 0x58,
  Z: 0x5a,
  s: 0x73,
} as const

const flags = (letters: string): Uint8Array => {
  const table = new Uint8Array(256)
  for (const letter of letters) table[letter.charCodeAt(0)] = 1
  return table
}

/** Types that a client sends: bind, close, copy data/done/fail, describe, execute, call, flush, parse, password, query, sync, terminate. */
const fromClient = flags("BCDEFHPQSXcdfp")
/** Types that a server sends. */
const fromServer = flags("123ACDEGHIKNRSTVWZcdnstv")

/** Of a response: those of which nothing is read but that they belong to it (rows, their description, what was done), a statement's end, a pipeline's. */
export const Answer = { other: 0, counted: 1, complete: 2, ready: 3 } as const

const answers = flags("123DGHKRTVcdntv")
answers[Letter.C] = Answer.complete
answers[Letter.Z] = Answer.ready

/** Types that add to an extended query behind its Parse: bind, describe, close, execute. */
const parts = flags("BCDE")

export const isPartType = (type: number): boolean => parts[type] === 1
export const answerOf = (type: number): number => answers[type]
export const isClientType = (type: number): boolean => fromClient[type] === 1
export const isServerType = (type: number): boolean => fromServer[type] === 1

/** Types whose body always has the same length: ParseComplete, BindComplete, CloseComplete, EmptyQueryResponse, NoData, PortalSuspended. */
const bodyLengths = new Int8Array(256).fill(-1)
for (const letter of "123Ins") bodyLengths[letter.charCodeAt(0)] = 0
bodyLengths[Letter.Z] = 1

/** Length of a body of the server's, where it is always the same; else -1. */
export const bodyLength = (type: number): number => bodyLengths[type]

/** Longest message that is believed: PostgreSQL's own limit of a value is 1 GiB. */
export const maxLength = 0x40000000

/** Position of the next NUL, `end` when there is none. */
export const nulAt = (bytes: Uint8Array, start: number, end: number): number => {
  let at = start
  while (at < end && bytes[at] !== 0) at++
  return at
}
