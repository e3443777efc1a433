// The calls of an Oracle client to its database (TTC): their kinds, their numbers and names, and how one is found in a packet.

/** Kinds of messages in data packets. */
export const Kind = {
  protocol: 1,
  dataTypes: 2,
  call: 3,
  error: 4,
  piggyback: 17,
  oneWay: 26,
  endOfResponse: 29,
  fastAuthentication: 34,
} as const

export const Call = {
  reexecute: 4,
  fetch: 5,
  execute: 94,
  reexecuteAndFetch: 78,
  authPhaseTwo: 115,
  authPhaseOne: 118,
} as const

const names: Readonly<Record<number, string>> = {
  2: "OPEN",
  3: "PARSE",
  4: "REEXECUTE",
  5: "FETCH",
  8: "CLOSE",
  9: "LOGOFF",
  12: "COMMIT_ON",
  13: "COMMIT_OFF",
  14: "COMMIT",
  15: "ROLLBACK",
  20: "CANCEL",
  43: "DESCRIBE",
  59: "VERSION",
  71: "EXECUTE_7",
  78: "REEXECUTE_AND_FETCH",
  94: "EXECUTE",
  96: "LOB_OP",
  98: "DESCRIBE_ANY",
  103: "TPC_SWITCH",
  104: "TPC_CHANGE_STATE",
  105: "CLOSE_CURSORS",
  107: "SESSION_SWITCH",
  115: "AUTH_PHASE_TWO",
  118: "AUTH_PHASE_ONE",
  119: "DESCRIBE_ANY_8",
  121: "AQ_ENQUEUE",
  122: "AQ_DEQUEUE",
  125: "SUBSCRIBE",
  128: "DIRECT_PATH_PREPARE",
  129: "DIRECT_PATH_LOAD",
  130: "DIRECT_PATH_OP",
  135: "SET_END_TO_END",
  145: "AQ_ARRAY",
  147: "PING",
  152: "SET_SCHEMA",
  154: "SET_KEY_VALUE",
  162: "SESSION_GET",
  163: "SESSION_RELEASE",
  176: "SESSION_STATE",
  187: "NOTIFY",
  199: "PIPELINE_BEGIN",
  200: "PIPELINE_END",
  204: "ALTER_SESSION",
}

export const callName = (code: number): string | undefined => names[code]

/** Bytes behind a piggyback in which the call is looked for. */
const maxPiggyback = 1024

/** Where the call is in bytes[at, end): behind the piggybacks, whose sequence numbers its own follows; -1 when there is none. */
export const callAt = (bytes: Uint8Array, at: number, end: number): number => {
  let from = at
  const stop = Math.min(end - 2, at + maxPiggyback)
  while (bytes[from] === Kind.piggyback) {
    const next = (bytes[from + 2] + 1) & 0xff
    let i = from + 3
    while (i < stop && !isCall(bytes, i, next)) i++
    if (i >= stop) return -1
    from = i
  }
  return from + 2 < end && (bytes[from] === Kind.call || bytes[from] === Kind.oneWay) ? from : -1
}

const isCall = (bytes: Uint8Array, at: number, sequence: number): boolean =>
  (bytes[at] === Kind.call || bytes[at] === Kind.piggyback) &&
  bytes[at + 2] === sequence &&
  names[bytes[at + 1]] !== undefined
