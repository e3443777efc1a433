// Operations and result codes of LDAP (RFC 4511) by their numbers on the wire.

import { ResponseStatus } from "../../../model/L7Session.ts"

export const Operation = {
  bind: 0x60,
  bindResponse: 0x61,
  unbind: 0x42,
  search: 0x63,
  searchEntry: 0x64,
  searchDone: 0x65,
  modify: 0x66,
  add: 0x68,
  delete: 0x4a,
  rename: 0x6c,
  compare: 0x6e,
  abandon: 0x50,
  searchReference: 0x73,
  extended: 0x77,
  extendedResponse: 0x78,
  intermediate: 0x79,
} as const

const requests: Record<number, string> = {
  [Operation.bind]: "Bind",
  [Operation.unbind]: "Unbind",
  [Operation.search]: "Search",
  [Operation.modify]: "Modify",
  [Operation.add]: "Add",
  [Operation.delete]: "Delete",
  [Operation.rename]: "ModifyDN",
  [Operation.compare]: "Compare",
  [Operation.abandon]: "Abandon",
  [Operation.extended]: "Extended",
}

/** Empty for what is no request. */
export const requestName = (operation: number): string => requests[operation] ?? ""

/** Responses that carry a result: one for each request that has any. */
const results: ReadonlySet<number> = new Set([0x61, 0x65, 0x67, 0x69, 0x6b, 0x6d, 0x6f, 0x78])

export const isResult = (operation: number): boolean => results.has(operation)

/** Parts of an answer before its result. */
export const isPartial = (operation: number): boolean =>
  operation === Operation.searchEntry ||
  operation === Operation.searchReference ||
  operation === Operation.intermediate

const codes: Record<number, string> = {
  0: "success",
  1: "operationsError",
  2: "protocolError",
  3: "timeLimitExceeded",
  4: "sizeLimitExceeded",
  5: "compareFalse",
  6: "compareTrue",
  7: "authMethodNotSupported",
  8: "strongerAuthRequired",
  10: "referral",
  11: "adminLimitExceeded",
  12: "unavailableCriticalExtension",
  13: "confidentialityRequired",
  14: "saslBindInProgress",
  16: "noSuchAttribute",
  17: "undefinedAttributeType",
  18: "inappropriateMatching",
  19: "constraintViolation",
  20: "attributeOrValueExists",
  21: "invalidAttributeSyntax",
  32: "noSuchObject",
  33: "aliasProblem",
  34: "invalidDNSyntax",
  36: "aliasDereferencingProblem",
  48: "inappropriateAuthentication",
  49: "invalidCredentials",
  50: "insufficientAccessRights",
  51: "busy",
  52: "unavailable",
  53: "unwillingToPerform",
  54: "loopDetect",
  64: "namingViolation",
  65: "objectClassViolation",
  66: "notAllowedOnNonLeaf",
  67: "notAllowedOnRDN",
  68: "entryAlreadyExists",
  69: "objectClassModsProhibited",
  71: "affectsMultipleDSAs",
  80: "other",
}

export const resultName = (code: number): string => codes[code] ?? `result ${code}`

/** Answers to a comparison, a referral and a step of a longer bind are no errors. */
const fine: ReadonlySet<number> = new Set([0, 5, 6, 10, 14])
/** The server's own state or limits. */
const serverErrors: ReadonlySet<number> = new Set([1, 3, 11, 51, 52, 54, 80])

export const resultStatus = (code: number): ResponseStatus => {
  if (fine.has(code)) return ResponseStatus.ok
  return serverErrors.has(code) ? ResponseStatus.serverError : ResponseStatus.clientError
}
