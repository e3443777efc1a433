// Error codes of bRPC by name, and who is to blame (brpc/errno.proto).

import { ResponseStatus } from "../../../model/L7Session.ts"

const names: Record<number, string> = {
  1001: "ENOSERVICE",
  1002: "ENOMETHOD",
  1003: "EREQUEST",
  1004: "ERPCAUTH",
  1005: "ETOOMANYFAILS",
  1007: "EBACKUPREQUEST",
  1008: "ERPCTIMEDOUT",
  1009: "EFAILEDSOCKET",
  1010: "EHTTP",
  1011: "EOVERCROWDED",
  1014: "EEOF",
  1016: "ESSL",
  2001: "EINTERNAL",
  2002: "ERESPONSE",
  2003: "ELOGOFF",
  2004: "ELIMIT",
  2005: "ECLOSE",
}

export const errorName = (code: number): string => names[code] ?? ""

/** No such service or method, a bad request, one that is not allowed. */
const lastClientError = 1004
const firstClientError = 1001

export const statusOf = (code: number): ResponseStatus => {
  if (code === 0) return ResponseStatus.ok
  return code >= firstClientError && code <= lastClientError
    ? ResponseStatus.clientError
    : ResponseStatus.serverError
}
