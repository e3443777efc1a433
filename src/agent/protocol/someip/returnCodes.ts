// Return codes of SOME/IP (PRS_SOMEIPProtocol, table "Return Codes") and whose fault they name.

import { ResponseStatus } from "../../../model/L7Session.ts"

const names: Record<number, string> = {
  0x00: "E_OK",
  0x01: "E_NOT_OK",
  0x02: "E_UNKNOWN_SERVICE",
  0x03: "E_UNKNOWN_METHOD",
  0x04: "E_NOT_READY",
  0x05: "E_NOT_REACHABLE",
  0x06: "E_TIMEOUT",
  0x07: "E_WRONG_PROTOCOL_VERSION",
  0x08: "E_WRONG_INTERFACE_VERSION",
  0x09: "E_MALFORMED_MESSAGE",
  0x0a: "E_WRONG_MESSAGE_TYPE",
  0x0b: "E_E2E_REPEATED",
  0x0c: "E_E2E_WRONG_SEQUENCE",
  0x0d: "E_E2E",
  0x0e: "E_E2E_NOT_AVAILABLE",
  0x0f: "E_E2E_NO_NEW_DATA",
}

export const returnCodeName = (code: number): string => {
  const name = names[code]
  if (name !== undefined) return name
  return code < 0x20 ? `reserved error 0x${code.toString(16)}` : `error 0x${code.toString(16)} of the service`
}

/** Asked for what is not there, in another version or form. */
const clientErrors: ReadonlySet<number> = new Set([0x02, 0x03, 0x07, 0x08, 0x09, 0x0a])

export const returnCodeStatus = (code: number, isError: boolean): ResponseStatus => {
  if (code === 0) return isError ? ResponseStatus.serverError : ResponseStatus.ok
  return clientErrors.has(code) ? ResponseStatus.clientError : ResponseStatus.serverError
}
